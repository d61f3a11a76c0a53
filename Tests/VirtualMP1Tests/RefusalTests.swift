// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import SecureLoader
import Testing
import VirtualMP1

@Suite struct RefusalTests {
    private func refusal(_ image: [UInt8], signatures: SignaturePolicy? = nil) throws -> TEEFailure? {
        var configuration = try Samples.configuration(.teeV3)
        if let signatures { configuration.signatures = signatures }
        let system = try MP1System(configuration)
        do throws(SystemError) { try system.start(image) } catch {
            #expect(system.linux.state == .offline)
            #expect(system.board.isHeld)
            if case .refused(let failure) = error { return failure }
            Issue.record("\(error)")
        }
        return nil
    }

    @Test("A tampered, truncated, mis-signed or wrong-key image is refused with the TA's own code")
    func refusals() throws {
        let image = try Samples.signed("tty-echo")
        #expect(try refusal(image) == nil)
        var tampered = image
        tampered[try Samples.codeOffset(image)] ^= 1
        #expect(try refusal(tampered)?.result == .security)
        var header = image
        header[0x20] ^= 1
        #expect(try refusal(header)?.result == .signatureInvalid)
        #expect(try refusal(Array(image.dropLast(8)))?.result == .badParameters)
        #expect(try refusal([])?.result == .badParameters)
        #expect(try refusal(Samples.elf("tty-echo"))?.result == .badParameters)
        let stranger = try SigningKey.generate(.rsa(bits: 2048)).trusted
        #expect(try refusal(image, signatures: .trusted([stranger]))?.result == .signatureInvalid)
    }

    @Test("Without a signature check the segments' hashes are checked all the same")
    func unverified() throws {
        var image = try Samples.signed("tty-echo")
        #expect(try refusal(image, signatures: .unverified) == nil)
        image[try Samples.codeOffset(image)] ^= 1
        #expect(try refusal(image, signatures: .unverified)?.result == .security)
    }

    @Test("An error of Linux's own is not taken for an earlier refusal")
    func laterError() throws {
        let system = try MP1System(Samples.configuration(.teeV3))
        #expect(throws: SystemError.self) { try system.start([1, 2, 3, 4]) }
        do throws(SystemError) { try system.stop() } catch {
            guard case .linux = error else { Issue.record("\(error)"); return }
            return
        }
        Issue.record("a stop while offline succeeded")
    }

    @Test("The plain boot refuses in the kernel's words")
    func elf() throws {
        func lastLine(_ image: [UInt8]) throws -> [String] {
            let system = try MP1System(Samples.configuration(.elf))
            let transcript = Transcript(system)
            #expect(throws: SystemError.self) { try system.start(image) }
            return transcript.kernelLog
        }
        #expect(try lastLine([1, 2, 3]).contains { $0.hasSuffix("Image is too small") })
        var elf = try Samples.elf("tty-echo")
        elf[0] = 0x7E
        #expect(try lastLine(elf).contains { $0.hasSuffix("Image is corrupted (bad magic)") })
    }

    @Test("What OP-TEE loaded is out of Linux's reach; rings, trace and table are not")
    func isolation() throws {
        let system = try Samples.started("tty-echo")
        let code = system.linuxRead(PhysicalAddress(0x1000_0000), count: 16)
        #expect(throws: BusError.self) { try code.get() }
        let alias = system.linuxRead(PhysicalAddress(0x3000_0010), count: 16)
        #expect(throws: BusError.self) { try alias.get() }
        let vectors = system.linuxRead(PhysicalAddress(0x3800_0000), count: 4)
        #expect(throws: BusError.self) { try vectors.get() }
        #expect(try system.linuxRead(PhysicalAddress(0x1004_0000), count: 16).get().count == 16)
        let table = try #require(try system.trustedApplication?.resourceTable())
        #expect(try system.linuxRead(table.start, count: 4).get() == [1, 0, 0, 0])
        try system.stop()
    }

    @Test("Where the firewall takes whole banks, a resource table inside one is lost to Linux, which says where and to whom")
    func banks() throws {
        var configuration = try Samples.configuration(.teeV3)
        configuration.isolation = .banks
        let system = try MP1System(configuration)
        var findings: [String] = []
        system.events.subscribe { if case .finding(_, let finding) = $0 { findings.append("\(finding)") } }
        let image = try Samples.signed("tty-echo")
        #expect { try system.start(image) } throws: {
            guard case .linux(_, let errno) = $0 as? SystemError else { return false }
            return errno == .fault
        }
        #expect(findings.contains { $0.contains("bus error: read of 140 bytes at 0x10020000: protected memory of the Cortex-M4") }, "\(findings)")
    }

    @Test("A stop leaves nothing of the firmware readable, and a release leaves nothing of it")
    func afterTheStop() throws {
        let system = try Samples.started("tty-echo")
        try system.stop()
        let code = system.linuxRead(PhysicalAddress(0x1000_0000), count: 64)
        let bytes = (try? code.get()) ?? []
        #expect(bytes.allSatisfy { $0 == 0 }, "what Linux can read is cleared")
        let vectors = (try? system.linuxRead(PhysicalAddress(0x3800_0000), count: 64).get()) ?? []
        #expect(vectors.allSatisfy { $0 == 0 })
        try system.trustedApplication?.release()
        #expect(try system.linuxRead(PhysicalAddress(0x1000_0000), count: 64).get() == [UInt8](repeating: 0, count: 64))
        #expect(try system.linuxRead(PhysicalAddress(0x3800_0000), count: 64).get() == [UInt8](repeating: 0, count: 64))
    }

    @Test("A table that OP-TEE would not place is placed with a warning, and not under strictness")
    func tablePlacement() throws {
        let helped = try Samples.started("tty-echo-st-layout")
        #expect(helped.tablePlacement != nil)
        _ = try helped.openTTY(0)

        var configuration = try Samples.configuration(.teeV3)
        configuration.placesResourceTable = false
        let strict = try MP1System(configuration)
        try strict.start(Samples.signed("tty-echo-st-layout"))
        strict.run(for: .milliseconds(50))
        #expect(strict.linux.channels.isEmpty)
        #expect(try Samples.started("tty-echo").tablePlacement == nil)
    }
}
