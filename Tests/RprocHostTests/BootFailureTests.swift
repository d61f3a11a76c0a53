// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

@Suite struct BootFailureTests {
    /// Boots, expects the refusal, mends what was broken, and expects that the next boot is as good as a first one.
    private func refuse(
        _ rig: Rig, _ errno: Errno, _ lines: [String], mend: () -> Void, _ location: SourceLocation = #_sourceLocation
    ) throws {
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == errno, sourceLocation: location)
        let expected = lines + ["Boot failed: \(errno.negative)"]
        #expect(rig.bootLog.suffix(expected.count).map { $0.replacing("remoteproc remoteproc0: ", with: "") } == expected, sourceLocation: location)
        expectClean(rig, location)
        mend()
        try rig.host.start()
        rig.platform.run(for: .milliseconds(2))
        #expect(rig.host.channels.count == 1, sourceLocation: location)
        #expect(rig.host.resourceTableText.contains("Notify ID 1"), sourceLocation: location)
    }

    @Test func `A missing file`() throws {
        let rig = Rig()
        rig.fileError = .noEntry
        try refuse(
            rig, .noEntry, ["powering up m4", "Direct firmware load for rproc-m4-fw failed with error -2", "request_firmware failed: -2"]
        ) { rig.fileError = nil }
        #expect(rig.records.first { $0.message.hasPrefix("Direct") }?.level == .warning)
    }

    @Test func `A name that leads out of the folder is refused by the firmware loader`() throws {
        let rig = Rig()
        try rig.host.setFirmware("a/../b\u{1b}")
        rig.fileError = .invalid
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == .invalid)
        #expect(
            rig.log.suffix(3) == [
                "remoteproc remoteproc0: Firmware load for 'a/../b\\x1b' refused, path contains '..' component",
                "remoteproc remoteproc0: request_firmware failed: -22", "remoteproc remoteproc0: Boot failed: -22",
            ])
    }

    @Test(arguments: [
        (0, UInt8(0), "Image is corrupted (bad magic)"), (4, 3, "Unsupported class: 3"), (5, 2, "Unsupported firmware endianness"),
        (44, 0, "No loadable segments"), (31, 0x7F, "Firmware size is too small"), (35, 0x7F, "Section header table is out of bounds"), (49, 0xFF, "Section headers are out of bounds"),
        (51, 0xFF, "Image is too small"),
    ]) func `An ELF header that fails the sanity check`(_ offset: Int, _ byte: UInt8, _ complaint: String) throws {
        let rig = Rig()
        let good = rig.image
        rig.image[offset] = byte
        try refuse(rig, .invalid, ["powering up m4", complaint]) { rig.image = good }
    }

    @Test(arguments: [(35, "Image is too small"), (49, nil), (51, nil)] as [(Int, String?)])
    func `Of older kernels' section headers one has to lie in the file`(_ offset: Int, _ complaint: String?) throws {
        let rig = Rig { $0.kernel = .v6_6 }
        let good = rig.image
        rig.image[offset] = 0x7F
        guard let complaint else {
            // The file passes, whatever comes of its table.
            _ = rig.errno { () throws(LinuxFailure) in try rig.host.start() }
            #expect(rig.log.contains { $0.contains("Booting fw image") } && !rig.log.contains { $0.contains("too small") })
            return
        }
        try refuse(rig, .invalid, ["powering up m4", complaint]) { rig.image = good }
    }

    @Test func `A file shorter than an ELF header`() throws {
        let rig = Rig()
        let good = rig.image
        rig.image = Array(good.prefix(51))
        try refuse(rig, .invalid, ["powering up m4", "Image is too small"]) { rig.image = good }
    }

    @Test func `Segments the kernel cannot load`() throws {
        for (segment, complaint) in [
            (FirmwareImageBuilder.Segment(address: 0x1005_0000, bytes: [1, 2, 3, 4]), "bad phdr da 0x10050000 mem 0x4"),
            (.init(address: 0xC000_0000, bytes: [1]), "bad phdr da 0xc0000000 mem 0x1"),
            (.init(address: 0x1003_FFFC, bytes: [1], memorySize: 5), "bad phdr da 0x1003fffc mem 0x5"),
            (.init(address: 0x1004_2000, bytes: [1]), "bad phdr da 0x10042000 mem 0x1"),
            (.init(address: 0, bytes: [1, 2], memorySize: 1), "bad phdr filesz 0x2 memsz 0x1"),
        ] {
            var builder = FirmwareImageBuilder()
            builder.segments.append(segment)
            let rig = Rig(image: builder)
            try refuse(rig, .invalid, [complaint, "Failed to load program segments: -22"]) { rig.image = FirmwareImageBuilder().image }
        }
    }

    @Test(arguments: [(KernelProfile.newest, nil), (.v6_6, nil), (.v5_15, Errno.invalid)])
    func `A segment of no bytes may lie anywhere, except for kernels before 5_19`(_ kernel: KernelProfile, _ errno: Errno?) throws {
        var builder = FirmwareImageBuilder()
        builder.segments.append(.init(address: 0xC000_0000, bytes: []))
        let rig = Rig(image: builder) { $0.kernel = kernel }
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == errno)
        #expect(rig.log.contains("remoteproc remoteproc0: bad phdr da 0xc0000000 mem 0x0") == (errno != nil))
    }

    @Test func `Segment bytes past the file's end`() throws {
        let rig = Rig()
        let good = rig.image
        rig.image.storeLittleEndian(UInt32(0x7FFF_FFF0), at: 52 + 4)
        let need = "0x80000030 avail 0x" + String(good.count, radix: 16)
        try refuse(rig, .invalid, ["truncated fw: need \(need)", "Failed to load program segments: -22"]) { rig.image = good }
    }

    @Test func `Program headers past the file's end`() throws {
        let rig = Rig()
        let good = rig.image
        rig.image.storeLittleEndian(UInt16(0xFFFF), at: 44)
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.start() } == .invalid)
        rig.image = good
        try rig.host.start()
    }

    @Test func `A register that the bus refuses`() throws {
        for (register, complaint) in [(UInt32(0x5000_010C), "failed to set hold boot"), (0x5000_1014, "failed to clear pdds")] {
            let rig = Rig()
            rig.platform.refused = [(PhysicalRange(start: PhysicalAddress(register), size: 4), "test")]
            try refuse(rig, .io, [complaint, "can't start rproc m4: -5"]) { rig.platform.refused = [] }
        }
    }

    @Test func `Memory that the firewall keeps`() throws {
        // Segments, the table, the rings: each is an external abort on the board; here a finding and EFAULT.
        for (address, last) in [
            (UInt32(0x1000_0000), "Failed to load program segments: -14"),
            (0x1003_0000, "Booting fw image"), (0x1004_0000, "probe with driver virtio_rpmsg_bus failed with error -14"),
        ] {
            let rig = Rig()
            rig.platform.refused = [(PhysicalRange(start: PhysicalAddress(address), size: 4), "the secure world")]
            let errno = rig.errno { () throws(LinuxFailure) in try rig.host.start() }
            #expect(rig.bootLog.contains { $0.contains(last) })
            #expect(rig.host.findings.kept.contains { if case .busError = $0.finding { true } else { false } })
            if address < 0x1004_0000 {
                #expect(errno == .fault)
                expectClean(rig)
            }
        }
    }

    @Test(arguments: [MockTrustedFirmware.Call.load, .resourceTable, .start]) func `A TA that refuses in a version 3 boot`(
        _ call: MockTrustedFirmware.Call
    ) throws {
        let rig = Rig(.teeV3)
        rig.firmware.refusals[call] = .security
        let (command, lines): (String, [String]) =
            switch call {
            case .load: ("LOAD_FW", ["Failed to load program segments: -5"])
            case .resourceTable: ("GET_RSC_TABLE", ["can't load resource table: -5"])
            default: ("START_FW", ["can't start rproc m4: -5"])
            }
        let tee = "tee_remoteproc optee-ta-80a4c275-0a47-4905-8285-1486a9771a08: TA_RPROC_FW_CMD_\(command) invoke failed TEE err: ffff000f, ret:0"
        // What sysfs shows is a number; whose refusal it is comes with it.
        #expect(rig.failure { () throws(LinuxFailure) in try rig.host.start() } == LinuxFailure(.io, cause: .security))
        #expect(rig.bootLog.suffix(3).map { $0.replacing("remoteproc remoteproc0: ", with: "") } == [tee] + lines + ["Boot failed: -5"])
        expectClean(rig)
        rig.firmware.refusals = [:]
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.host.channels.count == 1)
    }

    @Test func `A stop that fails leaves the core counted and the state as it was`() throws {
        let rig = Rig(.teeV3)
        try rig.host.start()
        rig.platform.run(for: .milliseconds(1))
        rig.firmware.refusals[.stop] = .generic
        #expect(rig.errno { () throws(LinuxFailure) in try rig.host.stop() } == .io)
        #expect(rig.host.state == .running && rig.host.power == 1)
        #expect(rig.log.last == "remoteproc remoteproc0: can't stop rproc: -5")
        rig.firmware.refusals = [:]
        try rig.host.stop()
        expectClean(rig)
    }

    @Test func `No TA at all is ENODEV`() throws {
        let platform = InMemoryPlatform()
        let host = RemoteProcessor(configuration: HostConfiguration(bootSequence: .teeV3), platform: platform, firmware: { _ in [] })
        #expect(throws: LinuxFailure(.noDevice)) { try host.start() }
    }
}
