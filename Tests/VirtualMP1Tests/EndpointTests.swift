// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import Testing
import VirtualMP1

/// Devices of messages, against firmware that runs.
@Suite struct EndpointTests {
    private func errno(_ body: () throws -> Void) -> Errno? {
        do { try body() } catch SystemError.linux(_, let errno) { return errno } catch { Issue.record("\(error)") }
        return nil
    }

    @Test("An endpoint that a program makes talks to the firmware beside the ttys")
    func endpoint() throws {
        let system = try Samples.started("tty-echo", .elf)
        let tty = try system.openTTY(0)
        let device = try system.openEndpoint("mine", destination: 0x400)
        // The ttys have 0x400 and 0x401.
        #expect(device.device.source == 0x402)
        for n in 0..<50 {
            let message = [UInt8](repeating: UInt8(n), count: 1 + n * 10)
            try device.send(message)
            #expect(try device.receive() == message)
        }
        try tty.send("for the tty\n")
        #expect(try tty.readLine() == "for the tty")
        #expect(device.device.available == 0)
        #expect(errno { try device.send([UInt8](repeating: 0, count: 497)) } == .messageSize)
        #expect(errno { _ = try system.openEndpoint("taken", source: 0x400, destination: 0x400) } == .invalid)
        #expect(errno { _ = try system.openRaw(0) } == .busy)
        try system.stop()
        #expect(errno { try device.send([1]) } == .brokenPipe)
        #expect(errno { _ = try device.receive() } == .brokenPipe)
        #expect(errno { _ = try system.openEndpoint("late", destination: 0x400) } == .noDevice)
    }

    @Test("A burst waits for the firmware's buffers, and all of it comes back in order")
    func burst() throws {
        let system = try Samples.started("tty-echo", .elf)
        _ = try system.openTTY(0)
        let device = try system.openEndpoint("mine", destination: 0x400)
        for n in 0..<1000 { try device.send([UInt8(truncatingIfNeeded: n), UInt8(n >> 8)]) }
        for n in 0..<1000 { #expect(try device.receive() == [UInt8(truncatingIfNeeded: n), UInt8(n >> 8)]) }
    }

    @Test("No message in time is a timeout that names the device")
    func timeout() throws {
        let system = try Samples.started("tty-echo", .elf)
        _ = try system.openTTY(0)
        let device = try system.openEndpoint("mine", destination: 0x400)
        do {
            _ = try device.receive(within: .milliseconds(5))
            Issue.record("something came")
        } catch { #expect("\(error)" == "no message on rpmsg0 within 0.005000 s of virtual time") }
    }
}
