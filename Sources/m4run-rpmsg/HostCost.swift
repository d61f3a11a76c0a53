// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles

/// What a message costs the Linux side alone: against a remote made of Swift, whose own time is taken off.
enum HostCost {
    /// Echoes what comes on one address, with as little as that takes.
    private final class Echo: InMemoryRemote {
        private let table: PhysicalAddress
        private var input: DeviceRing?, output: DeviceRing?
        /// Time spent in here.
        private(set) var elapsed = Duration.zero

        init(table: PhysicalAddress) { self.table = table }

        func reset(on platform: InMemoryPlatform) {
            (input, output) = (nil, nil)
            platform.remoteWriteIPCC(0x10, 1)
            platform.remoteWriteIPCC(0x14, 0xFFFF_FFC0)
        }

        func run(on platform: InMemoryPlatform) -> VirtualTime {
            let begin = ContinuousClock.now
            defer { elapsed += ContinuousClock.now - begin }
            guard output != nil else { return open(platform) }
            platform.remoteWriteIPCC(0x18, platform.ipcc.hostToRemote & 0xF)
            var answered = false
            while let from = output?.pop(platform), let to = input?.pop(platform) {
                let count = Int(min(from.length, UInt32(Rpmsg.bufferSize)))
                guard let source = platform.remoteMemory(from.address, count: count), let target = platform.remoteMemory(to.address, count: count)
                else { break }
                target.copyMemory(from: source, byteCount: count)
                let peer = target.load(as: UInt32.self)
                target.storeBytes(of: target.load(fromByteOffset: 4, as: UInt32.self), as: UInt32.self)
                target.storeBytes(of: peer, toByteOffset: 4, as: UInt32.self)
                output?.push(platform, head: from.head, length: 0)
                input?.push(platform, head: to.head, length: UInt32(count))
                answered = true
            }
            if answered { platform.remoteWriteIPCC(0x18, 1 << 16) }
            return .never
        }

        private func open(_ platform: InMemoryPlatform) -> VirtualTime {
            for entry in ResourceTable(platform.remoteRead(table, count: 1024))?.entries ?? [] {
                guard case .vdev(let vdev) = entry.content, vdev.status & 4 != 0, vdev.vrings.count == 2,
                    let first = VringLayout(count: vdev.vrings[0].count, alignment: vdev.vrings[0].alignment),
                    let second = VringLayout(count: vdev.vrings[1].count, alignment: vdev.vrings[1].alignment)
                else { continue }
                input = DeviceRing(base: PhysicalAddress(vdev.vrings[0].deviceAddress), layout: first)
                output = DeviceRing(base: PhysicalAddress(vdev.vrings[1].deviceAddress), layout: second)
                input?.setSilence(platform, true)
                var message: [UInt8] = []
                for word: UInt32 in [0x400, Rpmsg.nameServiceAddress, 0, 40] { message.appendLittleEndian(word) }
                message += Array("rpmsg-raw".utf8) + [UInt8](repeating: 0, count: 23)
                message.appendLittleEndian(UInt32(0x400))
                message.appendLittleEndian(UInt32(0))
                guard let buffer = input?.pop(platform) else { continue }
                platform.remoteWrite(buffer.address, message)
                input?.push(platform, head: buffer.head, length: UInt32(message.count))
                platform.remoteWriteIPCC(0x18, 1 << 16)
                return .never
            }
            return platform.now + .microseconds(10)
        }
    }

    /// Microseconds of the host's own work a message, sent or received, over `count` round trips of 16 bytes.
    static func measure(_ count: Int) throws -> Double {
        let builder = FirmwareImageBuilder(), image = builder.image
        let platform = InMemoryPlatform()
        let remote = Echo(table: builder.tableAddress)
        platform.remote = remote
        let host = RemoteProcessor(configuration: HostConfiguration(bootSequence: .elf), platform: platform, firmware: { _ in image })
        platform.host = host
        try host.start()
        let channel = try host.waitForChannel("rpmsg-raw", timeout: .seconds(1))
        var echoes = 0
        host.raw.received = { _, _, _ in echoes += 1 }
        let before = remote.elapsed, begin = ContinuousClock.now
        let payload = [UInt8](repeating: 0x55, count: 16)
        for number in 0..<count {
            let result: Result<Void, Errno> = payload.withUnsafeBytes { bytes in
                do throws(Errno) { return .success(try channel.trySend(bytes)) } catch { return .failure(error) }
            }
            try result.get()
            _ = platform.wait(until: platform.now + .seconds(1)) { echoes > number }
        }
        let mine = (ContinuousClock.now - begin) - (remote.elapsed - before)
        guard echoes == count else { throw Errno.timedOut }
        return mine / .microseconds(1) / Double(2 * count)
    }
}
