// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles

/// A host on an in-memory machine, with its log.
final class Rig {
    let platform: InMemoryPlatform
    let remote: MockRemote
    let host: RemoteProcessor
    let firmware: MockTrustedFirmware
    /// Fails nothing until it is armed.
    let injector = FaultInjector()
    private final class Box { var records: [KernelLogRecord] = []; var image: [UInt8] = []; var fileError: Errno? }
    private let box: Box

    init(
        _ sequence: BootSequence = .elf, image: FirmwareImageBuilder = FirmwareImageBuilder(),
        services: [MockRemote.Service] = [.init("rpmsg-tty", address: 0x400)], ddr: UInt32 = 0,
        bootLoader: Bool = false, bootLoaderTable: UInt32? = nil, configure: (inout HostConfiguration) -> Void = { _ in }
    ) {
        let box = Box()
        box.image = image.image
        self.box = box
        platform = InMemoryPlatform(ddr: ddr)
        remote = MockRemote(services: services, tableAddress: image.tableAddress)
        firmware = MockTrustedFirmware(platform: platform)
        var configuration = HostConfiguration(bootSequence: sequence)
        configure(&configuration)
        platform.remote = remote
        if bootLoader { platform.startByBootLoader(image.image, table: bootLoaderTable) }
        host = RemoteProcessor(
            configuration: configuration, platform: FaultInjectingPlatform(platform, injector),
            trustedFirmware: FaultInjectingFirmware(firmware, injector),
            firmware: injector.files { (_) throws(Errno) in
                if let error = box.fileError { throw error }
                return box.image
            },
            log: { box.records.append($0) })
        platform.host = host
    }

    var image: [UInt8] { get { box.image } set { box.image = newValue } }
    var fileError: Errno? { get { box.fileError } set { box.fileError = newValue } }
    var records: [KernelLogRecord] { box.records }
    var log: [String] { box.records.map(\.line) }
    /// Lines after the probe's.
    var bootLog: [String] { Array(log.drop { !$0.hasSuffix("m4 is available") }.dropFirst()) }
    func forgetLog() { box.records = [] }

    /// What `body` throws, nil when it does not.
    func errno(_ body: () throws(Errno) -> Void) -> Errno? {
        do throws(Errno) { try body(); return nil } catch { return error }
    }
    func errno(_ body: () throws(LinuxFailure) -> Void) -> Errno? { failure(body)?.errno }
    func failure(_ body: () throws(LinuxFailure) -> Void) -> LinuxFailure? {
        do throws(LinuxFailure) { try body(); return nil } catch { return error }
    }
}
