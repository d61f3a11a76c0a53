// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import Chips
import MachineBase

/// The host's side of SEGGER RTT: rings in the M4's memory that a debug probe would empty and fill.
///
/// It looks at stated points of virtual time: every millisecond in which the M4 executes, when it goes to sleep, and when a run
/// ends. Until a control block is found it looks for one at 1, 2, 4, ... ms, and at the first sleeps. What the firmware writes
/// to up-channels goes to `onText`, what `send` was given to down-channel 0, as it has room.
///
/// Source: "SEGGER RTT", UM08001, chapter 16: `char id[16]; int up, down;` and channels of `name, buffer, size, writeOffset,
/// readOffset, flags`, a word each.
public final class RTT {
    public enum Search: Equatable, Sendable {
        case off
        /// In the memories inside of the chip.
        case scan
        /// At the device address of `_SEGGER_RTT`, and nowhere else.
        case at(UInt32)
    }

    /// What is wrong with a control block.
    public enum Problem: Error, Equatable, Sendable, CustomStringConvertible {
        case channels(block: UInt32, up: UInt32, down: UInt32)
        case buffer(block: UInt32, channel: String, address: UInt32, size: UInt32)
        case offset(block: UInt32, channel: String, offset: UInt32, size: UInt32)
        case outsideMemory(block: UInt32)

        public var description: String {
            switch self {
            case .channels(let block, let up, let down):
                "the control block at \(hex32(block)) has \(up) up- and \(down) down-channels, allowed are \(RTT.mostChannels) each"
            case .buffer(let block, let channel, let address, let size):
                "the control block at \(hex32(block)) has \(channel) at \(hex32(address)), \(size) bytes, which is not all in memory"
            case .offset(let block, let channel, let offset, let size):
                "the control block at \(hex32(block)) has an offset of \(offset) in \(channel), which has \(size) bytes"
            case .outsideMemory(let block): "the control block at \(hex32(block)) is not all in memory"
            }
        }
    }

    static let mostChannels: UInt32 = 32
    private static let headerSize: UInt32 = 24, channelSize: UInt32 = 24
    /// "SEGGER RTT" and six zeros.
    private static let identifier: [UInt8] = Array("SEGGER RTT".utf8) + [0, 0, 0, 0, 0, 0]
    /// Its first word: "SEGG".
    private static let beginning: UInt32 = 0x4747_4553
    private static let mostBlocks = 4, scansAtSleep = 8

    private unowned let core: Core
    private let search: Search
    /// Not searched: it is large.
    private let external: [DeviceAddress]
    /// Of polls and of the first search, in cycles.
    private let period: UInt64
    /// What of it changes.
    struct State: Equatable, Sendable {
        /// Control blocks that were found to be sound, and those that were not.
        var blocks: [UInt32] = [], givenUp: [UInt32] = []
        /// In cycles.
        var scanAt: UInt64 = 0, scanInterval: UInt64 = 0
        var sleepScans = 0
        /// For down-channel 0.
        var input: [UInt8] = []
        /// A problem has been told of.
        var told = false
    }
    var state = State()

    /// Gets what arrives on an up-channel.
    public var onText: ((_ channel: Int, [UInt8]) -> Void)?
    public var onProblem: ((Problem) -> Void)?
    /// Bytes that no down-channel has taken yet.
    public var waiting: Int { state.input.count }

    init(core: Core, search: Search, clock: CoreClock, external: ChipMemory) {
        self.external = external.deviceAddresses
        self.core = core
        self.search = search
        period = max(1, clock.hertz / 1000)
        reset()
    }

    /// Queues bytes for down-channel 0.
    public func send(_ bytes: [UInt8]) { state.input += bytes }

    func reset() {
        state.blocks = []
        state.givenUp = []
        state.scanInterval = period
        state.scanAt = core.cycles &+ period
        state.sleepScans = 0
        core.pollAt = search == .off ? .max : core.cycles &+ period
    }

    enum Moment { case running, asleep, end }

    /// Looks; answers when to look next.
    func poll(_ moment: Moment) -> UInt64 {
        let now = core.cycles
        if case .at(let address) = search { if state.blocks.isEmpty { adopt(address) } } else if state.blocks.isEmpty, isTime(moment, now) { scan() }
        for block in state.blocks { serve(block) }
        return state.blocks.isEmpty && search == .scan ? state.scanAt : now &+ period
    }

    private func isTime(_ moment: Moment, _ now: UInt64) -> Bool {
        switch moment {
        case .end: return true
        case .asleep where state.sleepScans < Self.scansAtSleep:
            state.sleepScans += 1
            return true
        case .asleep, .running:
            guard now >= state.scanAt else { return false }
            state.scanInterval = min(state.scanInterval &* 2, period &* 256)
            state.scanAt = now &+ state.scanInterval
            return true
        }
    }

    // MARK: Finding

    private func scan() {
        let raw = core.engine.raw
        let count = Int(raw.pointee.region_count)
        var seen: [UnsafeMutablePointer<UInt8>] = []
        for index in 0..<count {
            guard let region = withUnsafeBytes(of: &raw.pointee.regions, { $0.bindMemory(to: m4_region.self).dropFirst(index).first }),
                let host = region.host, !external.contains(where: { region.start >= $0.value }), !seen.contains(host)
            else { continue }
            seen.append(host)
            // Word-aligned, as a control block is.
            let memory = UnsafeRawPointer(host), last = Int(region.size) - Int(Self.headerSize), beginning = Self.beginning
            var offset = 0
            while offset <= last {
                // The identifier alone may be the constant that firmware makes its block from: what is found is a block when it looks like one.
                if memory.loadUnaligned(fromByteOffset: offset, as: UInt32.self) == beginning, state.blocks.count < Self.mostBlocks,
                    matches(host + offset), hasChannels(region.start &+ UInt32(offset))
                {
                    adopt(region.start &+ UInt32(offset))
                }
                offset &+= 4
            }
        }
    }

    private func matches(_ bytes: UnsafeMutablePointer<UInt8>) -> Bool {
        for (index, byte) in Self.identifier.enumerated() where bytes[index] != byte { return false }
        return true
    }

    private func hasChannels(_ address: UInt32) -> Bool { word(address &+ 16) <= Self.mostChannels && word(address &+ 20) <= Self.mostChannels }

    /// Takes the control block at `address` when one is there.
    private func adopt(_ address: UInt32) {
        guard !state.blocks.contains(address), !state.givenUp.contains(address) else { return }
        guard let bytes = core.engine.memory(address, count: Self.headerSize) else { giveUp(address, .outsideMemory(block: address)); return }
        // Firmware may not have set it up yet.
        guard matches(bytes) else { return }
        let up = word(address &+ 16), down = word(address &+ 20)
        guard up <= Self.mostChannels, down <= Self.mostChannels else {
            giveUp(address, .channels(block: address, up: up, down: down))
            return
        }
        guard core.engine.memory(address, count: Self.headerSize &+ (up &+ down) &* Self.channelSize) != nil else {
            giveUp(address, .outsideMemory(block: address))
            return
        }
        state.blocks.append(address)
    }

    private func giveUp(_ block: UInt32, _ problem: Problem) {
        state.blocks.removeAll { $0 == block }
        state.givenUp.append(block)
        guard !state.told else { return }
        state.told = true
        onProblem?(problem)
    }

    // MARK: Channels

    private struct Channel {
        let address: UInt32
        let bytes: UnsafeMutablePointer<UInt8>
        let buffer: UInt32, size: UInt32
        let write: UInt32, read: UInt32
    }

    private func serve(_ block: UInt32) {
        // The counts may have changed since: everything is read anew, and nothing is believed.
        let up = word(block &+ 16), down = word(block &+ 20)
        guard up <= Self.mostChannels, down <= Self.mostChannels,
            core.engine.memory(block, count: Self.headerSize &+ (up &+ down) &* Self.channelSize) != nil
        else { giveUp(block, .channels(block: block, up: up, down: down)); return }
        let first = block &+ Self.headerSize
        do {
            for n in 0..<up {
                // Channels of hundreds of KiB take their time; what is not taken now stays in its ring.
                if core.isInterrupted { return }
                if let channel = try channel(first &+ n &* Self.channelSize, "up-channel \(n)", block) { drain(channel, Int(n)) }
            }
            if down > 0, !state.input.isEmpty, let channel = try channel(first &+ up &* Self.channelSize, "down-channel 0", block) { fill(channel) }
        } catch { giveUp(block, error) }
    }

    /// nil for a channel that is not in use.
    private func channel(_ address: UInt32, _ name: @autoclosure () -> String, _ block: UInt32) throws(Problem) -> Channel? {
        let buffer = word(address &+ 4), size = word(address &+ 8), write = word(address &+ 12), read = word(address &+ 16)
        guard size > 0, buffer != 0 else { return nil }
        guard let bytes = core.engine.memory(buffer, count: size) else { throw .buffer(block: block, channel: name(), address: buffer, size: size) }
        guard write < size else { throw .offset(block: block, channel: name(), offset: write, size: size) }
        guard read < size else { throw .offset(block: block, channel: name(), offset: read, size: size) }
        return Channel(address: address, bytes: bytes, buffer: buffer, size: size, write: write, read: read)
    }

    private func drain(_ channel: Channel, _ number: Int) {
        guard channel.read != channel.write else { return }
        let read = Int(channel.read), write = Int(channel.write)
        let bytes = UnsafeBufferPointer(start: channel.bytes, count: Int(channel.size))
        let text = read < write ? Array(bytes[read..<write]) : Array(bytes[read...]) + Array(bytes[..<write])
        _ = core.store(channel.write, at: channel.address &+ 16)
        onText?(number, text)
    }

    private func fill(_ channel: Channel) {
        // One byte stays free: equal offsets are an empty ring.
        let free = (channel.read &+ channel.size &- channel.write &- 1) % channel.size
        let count = min(Int(free), state.input.count)
        guard count > 0 else { return }
        var write = channel.write
        for byte in state.input.prefix(count) {
            channel.bytes[Int(write)] = byte
            write = write &+ 1 == channel.size ? 0 : write &+ 1
        }
        state.input.removeFirst(count)
        m4_engine_memory_written(core.engine.raw, channel.buffer, channel.size)
        _ = core.store(write, at: channel.address &+ 12)
    }

    private func word(_ address: UInt32) -> UInt32 { core.word(address) ?? 0 }
}
