import ELF32
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
        var doctor = Doctor(system, image: image, symbols: FirmwareSymbols(image: image))
        return doctor.examine(name: "firmware", span: .milliseconds(1500))
    }

    @Test(
        "Each broken firmware gets its cause",
        arguments: [
            ("no-table", "no-table", ".resource_table"), ("never-polls", "status-never-read", "0x10020030"),
            ("no-driver", "no-driver", "rpmsg-tty-channel"), ("masked", "mailbox-masked", "IPCC_C2MR is 0x003f003f"),
            ("irq-off", "irq-disabled", "interrupt 103"), ("rings-elsewhere", "rings-not-used", "0x10040000 and 0x10041000"),
            ("error-handler", "error-handler", "called from main"), ("early-fault", "fault-before-main", "SystemInit"),
            ("no-kick", "no-kick", "used index 1, Linux has taken 0"), ("sleeps-masked", "interrupts-off", "PRIMASK is 1"),
            ("clock", "polls-register", "RCC.PLL4CR (0x50000894)"),
            ("priority-masked", "priority-masked", "priority 0x80, and BASEPRI is 0x40"),
            ("default-handler", "default-handler", "interrupt 103 is __wrap_IPCC_RX1_Handler"),
            ("mailbox-off", "mailbox-off", "IPCC_C2CR is 0x00000000"),
            ("no-receive-buffers", "no-receive-buffers", "available index 17, used index 17"),
            ("tick-stopped", "tick-stopped", "(HAL_Delay"),
            ("withdrawn", "channel-withdrawn", "'rpmsg-tty' at 0x00000400 and has destroyed it again, after 2 message(s)"),
        ] as [(String, String, String)])
    func causes(sample: String, cause: String, numbers: String) throws {
        // Who read what is known with libunicorn 2.1 only.
        let needsRecord = ["never-polls", "rings-elsewhere"].contains(sample)
        guard M4Board.recordsAccesses || !needsRecord else { return }
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
        #expect(report.channels.allSatisfy { $0.driver != nil })
    }

    @Test("A table that OP-TEE leaves elsewhere is the cause, as on a board, and no cause where it is copied")
    func tableElsewhere() throws {
        let image = try Samples.signed("tty-echo-st-layout")
        #expect(try Self.examine(image, .teeV3).isFine)
        let report = try Self.examine(image, .teeV3, places: false)
        #expect(report.cause?.name == "table-not-found", "\(report.entries)")
        #expect(report.cause?.sentence.contains("OP-TEE does not move it") == true)
    }

    @Test("A vring's address outside of the device tree's regions is named, with the regions")
    func ringAddress() throws {
        var image = try Samples.elf("tty-echo")
        let elf = try ELFFile(image)
        let section = try #require(elf.section(named: ".resource_table"))
        // Header 16, two offsets 8, type 4, vdev 24: the first vring's da.
        image.replaceSubrange(Int(section.offset) + 52..<Int(section.offset) + 56, with: [0, 0, 0x05, 0x10])
        let report = try Self.examine(image)
        #expect(report.cause?.name == "ring-address", "\(report.entries)")
        #expect(report.cause?.sentence.contains("0x10040000") == true)
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

    @Test("The mailbox's channels are the device tree's, in what is judged and in what is said")
    func channels() throws {
        func examine(_ sample: String, _ change: (inout MailboxChannels) -> Void) throws -> DoctorReport {
            var configuration = try Samples.configuration(.elf)
            change(&configuration.linux.mailboxes)
            let image = try Samples.elf(sample)
            var doctor = try Doctor(MP1System(configuration), image: image, symbols: FirmwareSymbols(image: image))
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
            var doctor = try Doctor(MP1System(configuration), image: image, symbols: FirmwareSymbols(image: image))
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
