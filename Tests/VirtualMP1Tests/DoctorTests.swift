// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import M4Board
import MachineBase
import RprocHost
import Testing
import VirtualMP1

@Suite struct DoctorTests {
    private static func examine(_ image: [UInt8], _ boot: BootSequence = .elf, places: Bool = true) throws -> DoctorReport {
        var configuration = try Samples.configuration(boot)
        configuration.placesResourceTable = places
        let system = try MP1System(configuration)
        let doctor = Doctor(system, image: FirmwareImage(image))
        return doctor.examine(name: "firmware", span: .milliseconds(1500))
    }

    @Test(
        "Each broken firmware gets its cause",
        arguments: [
            ("no-driver", "no-driver", "rpmsg-tty-channel"), ("masked", "mailbox-masked", "IPCC_C2MR is 0x003f003f"),
            ("irq-off", "irq-disabled", "interrupt 103"),
            ("error-handler", "error-handler", "called from main"), ("early-fault", "fault-before-main", "SystemInit"),
            ("no-kick", "no-kick", "used index 1, Linux has taken 0"), ("sleeps-masked", "interrupts-off", "PRIMASK is 1"),
            ("clock", "polls-register", "RCC.PLL4CR (0x50000894)"),
            ("priority-masked", "priority-masked", "priority 0x80, and BASEPRI is 0x40"),
            ("default-handler", "default-handler", "interrupt 103 is __wrap_IPCC_RX1_Handler"),
            ("mailbox-off", "mailbox-off", "IPCC_C2CR is 0x00000000"),
            ("no-receive-buffers", "no-receive-buffers", "available index 17, used index 17"),
            ("tick-stopped", "tick-stopped", "(HAL_Delay"),
            ("handler-lock", "handler-stuck", "It interrupted receive+0x"),
            ("no-endpoint", "no-endpoint", "called MX_OPENAMP_Init"), ("waits-for-block", "unmodelled-register", "no model of I2C5"),
            ("waits-for-block-alone", "unmodelled-register", "no model of I2C5"),
            ("gives-up-blinking", "error-handler", "called from MX_TIM7_Init+0x"), ("gives-up-lit", "error-handler", "called from SystemClock_Config"),
            ("thread-overflow", "fault", "with FreeRTOS's thread 'worker'"), ("silent-alone", "no-answer", "ttyRPMSG0"),
            ("lost", "endless-loop", "does not know whether step_five"), ("unhandled", "unhandled-interrupt", "IRQ 30 (TIM4) came at 0.000000 s, and its vector is Default_Handler"),
            ("waits-for-flag", "waits-for-memory", "Enabled, and never come: TIM4"), ("waits-for-button", "waits-for-input", "GPIOA.IDR"),
            ("returns", "ended", "main has returned"),
            ("withdrawn", "channel-withdrawn", "'rpmsg-tty' at 0x00000400 and has destroyed it again, after 2 message(s)"),
        ] as [(String, String, String)])
    func causes(sample: String, cause: String, numbers: String) throws { try expectCause(sample, cause, numbers) }

    @Test(
        "A cause that takes a record of who read and wrote what is found",
        .enabled(if: M4Board.recordsAccesses, "needs the engine of engine/, not the system's"),
        arguments: [
            ("never-polls", "status-never-read", "0x10020030"), ("rings-elsewhere", "rings-not-used", "0x10040000 and 0x10041000"),
            ("wipes-table", "table-rewritten", "by main+0x52"),
        ] as [(String, String, String)])
    func recordedCauses(sample: String, cause: String, numbers: String) throws { try expectCause(sample, cause, numbers) }

    private func expectCause(_ sample: String, _ cause: String, _ numbers: String) throws {
        let report = try Self.examine(Samples.elf("doctor-\(sample)"))
        #expect(report.cause?.name == cause, "\(report.entries)")
        #expect(report.cause?.sentence.contains(numbers) == true, "\(report.cause?.sentence ?? "")")
        #expect(report.cause?.advice?.isEmpty == false)
        #expect(!report.isFine)
    }

    @Test("Firmware that answers is fine, and has its channels listed", arguments: ["tty-echo", "swift-echo", "client-sample"], BootSequence.allCases)
    func fine(sample: String, boot: BootSequence) throws {
        let report = try Self.examine(boot.usesTEE ? Samples.signed(sample) : Samples.elf(sample), boot)
        #expect(report.isFine, "\(report.entries)")
        #expect(report.channels.count == (sample == "tty-echo" ? 2 : 1))
        #expect(report.channels.allSatisfy { $0.driver != nil && $0.answers })
    }

    @Test("Firmware that asks for no rpmsg and runs well is fine", arguments: ["no-table", "blinks"])
    func withoutRpmsg(sample: String) throws {
        let report = try Self.examine(Samples.elf("doctor-\(sample)"))
        #expect(report.isFine && report.isWithoutRpmsg && report.channels.isEmpty, "\(report.entries)")
    }

    @Test("The cause is the same however long the firmware had", arguments: ["clock", "gives-up-blinking", "handler-lock", "masked", "no-endpoint"])
    func anySpan(sample: String) throws {
        let image = try Samples.elf("doctor-\(sample)")
        let causes = try [UInt64(200), 1000, 2000, 5000].map { span in
            let doctor = try Doctor(MP1System(Samples.configuration(.elf)), image: FirmwareImage(image))
            return doctor.examine(name: sample, span: .milliseconds(span)).cause?.name
        }
        #expect(Set(causes).count == 1 && causes[0] != nil, "\(causes)")
    }

    @Test("Each channel is spoken to, and answers only when bytes came back on it")
    func channelByChannel() throws {
        let report = try Self.examine(Samples.elf("doctor-silent"))
        #expect(report.isFine, "\(report.entries)")
        #expect(report.channels.map(\.reply) == [.taken, .answers])
        #expect(report.channels.map(\.device) == ["ttyRPMSG0", "rpmsg0"])
        #expect(report.entries.contains { $0.sentence.hasSuffix("it takes messages, no answer yet.") })
    }

    @Test("What OpenAMP wrote to Linux's part of a ring until 2018.10 is no finding")
    func oldOpenAMP() throws {
        let system = try Samples.started("doctor-old-openamp", .elf)
        let tty = try system.openTTY(0)
        for word in ["one\n", "two\n"] {
            try tty.send(word)
            #expect(try tty.readLine() + "\n" == word)
        }
        system.run(for: .seconds(3))
        try system.stop()
        #expect(system.linux.findings.kept.isEmpty, "\(system.linux.findings.kept.map(\.finding))")
    }

    @Test("A thread's overflow is told with its numbers")
    func overflow() throws {
        let report = try Self.examine(Samples.elf("doctor-thread-overflow"))
        #expect(report.cause?.sentence.contains("in PendSV's handler") == true, "\(report.entries)")
        #expect(report.cause?.sentence.contains("is 44 bytes below the beginning of its stack") == true)
        #expect(report.cause?.advice == "give that thread a larger stack.")
    }

    @Test("A handler that does not return is told with when it came, and with what it interrupted")
    func stuckHandler() throws {
        let cause = try #require(try Self.examine(Samples.elf("doctor-handler-lock")).cause)
        #expect(cause.sentence.hasPrefix("IRQ 30 (TIM4)'s handler TIM4_Handler has not returned since 0.02"), "\(cause)")
        #expect(cause.sentence.contains("in a loop of take_lock"))
    }

    @Test("Firmware that Linux attaches to is examined like any other")
    func attached() throws {
        let image = try Samples.elf("tty-echo")
        var configuration = try Samples.configuration(.elf)
        configuration.bootLoaderFirmware = FirmwareImage(image)
        let doctor = try Doctor(MP1System(configuration), image: FirmwareImage(image))
        let report = doctor.examine(name: "tty-echo", span: .milliseconds(500))
        #expect(report.isFine, "\(report.entries)")
        #expect(report.channels.allSatisfy { $0.answers })
    }

    @Test("A table that OP-TEE leaves elsewhere is the cause, as on a board, and no cause where it is copied")
    func tableElsewhere() throws {
        let image = try Samples.signed("tty-echo-st-layout")
        #expect(try Self.examine(image, .teeV3).isFine)
        let report = try Self.examine(image, .teeV3, places: false)
        #expect(report.cause?.name == "table-not-found", "\(report.entries)")
        #expect(report.cause?.sentence.contains("OP-TEE does not move it") == true)
    }

    /// `tty-echo` with bytes of its resource table changed: header 16, two offsets 8, type 4, then the vdev.
    private static func changed(_ offset: Int, _ bytes: [UInt8]) throws -> [UInt8] {
        var image = try Samples.elf("tty-echo")
        let section = try #require(ELFFile(image).section(named: ".resource_table"))
        let start = Int(section.offset) + offset
        image.replaceSubrange(start..<start + bytes.count, with: bytes)
        return image
    }

    @Test(
        "What is wrong in the table itself is named, and not taken for a table that is elsewhere",
        arguments: [
            (0, [2], "table-refused", "unsupported fw ver: 2"), (8, [1], "table-refused", "non zero reserved bytes"),
            (24, [2], "table-refused", "trace rsc has non zero reserved bytes"),
            (4, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 92], "no-vdev", "1 entry (type 2)"), (49, [3], "no-vdev", "3 vrings"),
            (28, [8], "vdev-without-driver", "type 8"), (36, [0], "no-name-service", "dfeatures are 0x0"),
            (49, [1], "vdev-without-driver", "has 1"),
        ] as [(Int, [UInt8], String, String)])
    func tableContents(offset: Int, bytes: [UInt8], cause: String, words: String) throws {
        let report = try Self.examine(Self.changed(offset, bytes))
        #expect(report.cause?.name == cause, "\(report.entries)")
        #expect(report.cause?.sentence.contains(words) == true, "\(report.cause?.sentence ?? "")")
    }

    /// Offsets in the table: the first vring's da, its num, the second's num; the trace's da behind two vrings and its own type.
    private static let ringAddress = 52, ringCount = 60, otherCount = 80, traceAddress = 96

    @Test("What does not fit its region is told with the numbers")
    func sizes() throws {
        func examine(_ edits: (Int, [UInt8])...) throws -> DoctorReport {
            var image = try Samples.elf("tty-echo")
            let section = try #require(ELFFile(image).section(named: ".resource_table"))
            for (offset, bytes) in edits {
                let start = Int(section.offset) + offset
                image.replaceSubrange(start..<start + bytes.count, with: bytes)
            }
            return try Self.examine(image)
        }
        let large = try examine((Self.ringCount, [0, 1]), (Self.otherCount, [0, 1]))
        #expect(large.cause?.name == "ring-size", "\(large.entries)")
        #expect(large.cause?.sentence.contains("vdev0vring0 with 256 buffers at align 16 needs 6678 bytes") == true)
        #expect(large.cause?.sentence.contains("has 4096") == true)
        let none = try examine((Self.ringCount, [0]))
        #expect(none.cause?.name == "ring-size" && none.cause?.sentence.contains("0 buffers") == true, "\(none.entries)")
        let address = try examine((Self.ringAddress, [0, 0, 0x05, 0x10]))
        #expect(address.cause?.name == "ring-address", "\(address.entries)")
        #expect(address.cause?.sentence.contains("da 0x10050000") == true && address.cause?.sentence.contains("0x10040000-0x10040fff") == true)
        let many = try examine((Self.ringCount, [32]), (Self.otherCount, [32]))
        #expect(many.cause?.name == "buffer-size", "\(many.entries)")
        for words in ["2 x 32 buffers of 512 bytes are 32768 bytes", "has 16384", "-12", "0x83"] {
            #expect(many.cause?.sentence.contains(words) == true, "\(words)")
        }
        #expect(!many.entries.contains { $0.name == "status" })
        let trace = try examine((Self.traceAddress, [0, 0, 0, 0x20]))
        #expect(trace.cause?.name == "trace-out-of-reach", "\(trace.entries)")
        #expect(trace.cause?.sentence.contains("2048 bytes at da 0x20000000 lies in none of the device tree's regions") == true)
        #expect(trace.channels.allSatisfy { $0.answers })
    }

    @Test("A segment that overruns its region is told with the region, by how much, and that p_memsz counts")
    func straddle() throws {
        var image = try Samples.elf("tty-echo")
        let elf = try ELFFile(image)
        let index = try #require(elf.programHeaders.lastIndex { $0.type == ProgramHeader.load && $0.fileSize <= 0x400 && $0.fileSize > 0 })
        let start = Int(elf.header.programHeaderOffset) + index * ProgramHeader.size
        func put(_ offset: Int, _ value: UInt32) { withUnsafeBytes(of: value.littleEndian) { image.replaceSubrange(start + offset..<start + offset + 4, with: $0) } }
        put(12, 0x1003_FC00)
        put(20, 0xC00)
        let report = try Self.examine(image)
        #expect(report.cause?.name == "segment-outside", "\(report.entries)")
        #expect(report.cause?.sentence.contains("begins in mcuram2 0x10000000-0x1003ffff and ends 0x800 bytes beyond its end") == true)
        #expect(report.cause?.sentence.contains("p_memsz counts") == true)
    }

    @Test("An image without vectors at address 0 is told as that")
    func noVectors() throws {
        var image = try Samples.elf("tty-echo")
        let elf = try ELFFile(image)
        let index = try #require(elf.programHeaders.firstIndex { $0.type == ProgramHeader.load && $0.physicalAddress == 0 })
        // PT_NULL.
        image[Int(elf.header.programHeaderOffset) + index * ProgramHeader.size] = 0
        let report = try Self.examine(image)
        #expect(report.cause?.name == "no-vectors", "\(report.entries)")
        #expect(report.cause?.sentence.contains("from address 0 (RETRAM)") == true)
    }

    @Test("The mailbox's channels are the device tree's, in what is judged and in what is said")
    func channels() throws {
        func examine(_ sample: String, _ change: (inout MailboxChannels) -> Void) throws -> DoctorReport {
            var configuration = try Samples.configuration(.elf)
            change(&configuration.linux.mailboxes)
            let image = try Samples.elf(sample)
            let doctor = try Doctor(MP1System(configuration), image: FirmwareImage(image))
            return doctor.examine(name: sample, span: .milliseconds(1500))
        }
        let masked = try examine("tty-echo") { $0.vq0 = 4 }
        #expect(masked.cause?.name == "mailbox-masked", "\(masked.entries)")
        #expect(masked.cause?.sentence.contains("IPCC channel 5 and got no answer") == true)
        #expect(masked.cause?.sentence.contains("the firmware listens to channel 1 and 2") == true)
        // It takes either doorbell for both of Linux's, and rings for its messages where vring1's are expected.
        let swapped = try examine("tty-echo") { $0.vq0 = 1; $0.vq1 = 0 }
        #expect(swapped.cause?.name == "wrong-channel", "\(swapped.entries)")
        #expect(swapped.cause?.sentence.contains("IPCC channel 2 for vring0 and IPCC channel 1 for vring1") == true)
        // Linux's doorbell comes on the firmware's channel 2; its own goes to channel 1, which nobody has opened.
        let unheard = try examine("tty-echo") { $0.vq0 = 1; $0.vq1 = 4 }
        #expect(unheard.cause?.name == "wrong-channel", "\(unheard.entries)")
        #expect(unheard.cause?.sentence.contains("rung IPCC channel 1 (IPCC_C2TOC1SR 0x00000001)") == true)
        let missing = try examine("tty-echo") { $0.vq0 = nil }
        #expect(missing.cause?.name == "mailbox-missing", "\(missing.entries)")
        let quiet = try examine("doctor-no-kick") { $0.vq0 = 0; $0.detach = nil }
        #expect(quiet.cause?.advice?.contains("bit 16 of IPCC_C2SCR") == true)
    }

    @Test("A region that the device tree lacks is named")
    func regions() throws {
        func examine(_ name: String) throws -> DoctorReport {
            var configuration = try Samples.configuration(.elf)
            configuration.linux.memoryRegions.removeAll { $0.name == name }
            let image = try Samples.elf("tty-echo")
            let doctor = try Doctor(MP1System(configuration), image: FirmwareImage(image))
            return doctor.examine(name: name, span: .milliseconds(100))
        }
        let ring = try examine("vdev0vring1")
        #expect(ring.cause?.name == "region-missing", "\(ring.entries)")
        #expect(ring.cause?.advice?.contains("vdev0vring1") == true)
        let code = try examine("mcuram2")
        #expect(code.cause?.name == "segment-outside", "\(code.entries)")
        #expect(code.cause?.sentence.contains("bad phdr da 0x10000000") == true)
    }

    @Test("An image that OP-TEE refuses is refused with the reason")
    func refused() throws {
        var image = try Samples.signed("tty-echo")
        image[try Samples.codeOffset(image)] ^= 1
        let report = try Self.examine(image, .teeV3)
        #expect(report.cause?.name == "image-refused")
        #expect(report.cause?.sentence.contains("TEE_ERROR_SECURITY") == true)
    }

    @Test("Two examinations say the same")
    func sameTwice() throws {
        let image = try Samples.elf("doctor-masked")
        #expect(try Self.examine(image).entries == Self.examine(image).entries)
    }
}
