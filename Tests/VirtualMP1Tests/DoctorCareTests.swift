// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import M4Board
import MachineBase
import Testing
import VirtualMP1

/// Where a hasty look would name a wrong cause.
@Suite struct DoctorCareTests {
    private static func examine(_ sample: String, _ change: (inout SystemConfiguration) -> Void = { _ in }) throws -> DoctorReport {
        var configuration = try Samples.configuration(.elf)
        change(&configuration)
        let image = try Samples.elf(sample)
        let doctor = try Doctor(MP1System(configuration), image: FirmwareImage(image))
        return doctor.examine(name: sample, span: .milliseconds(1000))
    }

    @Test("An Error_Handler that an interrupt enters and that returns is no end")
    func errorHandlerReturns() throws {
        let report = try Self.examine("doctor-error-handler-returns")
        #expect(report.isFine, "\(report.entries)")
    }

    @Test("One that a handler's last jump enters, and that stays, is told with its interrupt")
    func errorHandlerStays() throws {
        let cause = try #require(try Self.examine("doctor-error-handler-stays").cause)
        #expect(cause.name == "error-handler")
        #expect(cause.sentence.hasPrefix("The firmware gave up in Error_Handler at 0.000"), "\(cause)")
        #expect(cause.sentence.contains(" s, in the handler of IRQ 30 (TIM4), and has not come back"), "\(cause)")
    }

    @Test("rpmsg's start-up that has not returned is told as that, not as an endpoint that was forgotten")
    func startHangs() throws {
        let cause = try #require(try Self.examine("doctor-init-hangs").cause)
        #expect(cause.name == "no-endpoint")
        #expect(cause.sentence.contains("called from main (0x") && cause.sentence.contains("which has not returned: no endpoint can be created behind it. The M4 goes round a loop in MX_OPENAMP_Init."), "\(cause)")
    }

    @Test("rpmsg-lite's users read of rpmsg-lite's functions")
    func lite() throws {
        let cause = try #require(try Self.examine("doctor-lite-no-endpoint").cause)
        #expect(cause.name == "no-endpoint")
        #expect(cause.sentence.contains("has not created an endpoint: rpmsg_lite_create_ept was never called"), "\(cause)")
        #expect(cause.advice == "create one with rpmsg_lite_create_ept, and announce it with rpmsg_ns_announce.")
        #expect(!cause.sentence.contains("open-amp"))
    }

    @Test("A main loop that counts and looks at a pin is fine, with a note that names the pin")
    func looksAtPin() throws {
        let report = try Self.examine("doctor-looks-at-pin")
        #expect(report.isFine, "\(report.entries)")
        #expect(report.entries.contains { $0.name == "may-wait" && $0.sentence.contains("GPIOA.IDR (0x50002010)") && $0.sentence.contains("it may wait for that, or look at it among other work") }, "\(report.entries)")
    }

    @Test("A loop that brings one pin's level to another waits for no pin: what is missing of rpmsg is the cause")
    func pinToPin() throws {
        let report = try Self.examine("doctor-pin-to-pin")
        #expect(report.cause?.name == "no-endpoint", "\(report.entries)")
        #expect(report.cause?.sentence.contains("has none of the functions that m4run knows to create one (OPENAMP_create_endpoint, ") == true)
        #expect(report.entries.contains { $0.name == "may-wait" && $0.sentence.contains("It drives pins in the same loop") }, "\(report.entries)")
    }

    @Test("A wait for a timer that counts is none for ever, and is told with the timer and when it is due")
    func timer() throws {
        let report = try Self.examine("doctor-waits-for-timer")
        #expect(report.isFine, "\(report.entries)")
        #expect(report.entries.contains { $0.name == "waits-for-timer" && $0.sentence.contains("TIM5 counts, its interrupt is enabled, and its next event is due at 2.87") }, "\(report.entries)")
    }

    @Test("An encoder that no model turns, read beside other work, is a note")
    func encoder() throws {
        let report = try Self.examine("doctor-encoder-beside")
        #expect(report.isFine, "\(report.entries)")
        #expect(report.entries.contains { $0.name == "unmodelled-feature" && $0.sentence.hasPrefix("LPTIM1: encoder mode") }, "\(report.entries)")
    }

    @Test("Who gives up behind a channel that nobody serves is told of that channel")
    func unserved() throws {
        let cause = try #require(try Self.examine("doctor-asks-manager").cause)
        #expect(cause.name == "error-handler")
        #expect(cause.advice?.contains("Nobody in Linux answers on \"rproc-srm\", which has no driver: it may have waited for that.") == true, "\(cause)")
    }

    @Test("A scheduler that sleeps in PendSV is no handler that is stuck")
    func sleepsInPendSV() throws {
        let report = try Self.examine("doctor-sleeps-in-pendsv")
        #expect(report.isFine, "\(report.entries)")
        #expect(report.entries.contains { $0.name == "runs" && $0.sentence.contains("sleeps (WFI or WFE) at PendSV_Handler+0x") && $0.sentence.contains("never come: USART3.") }, "\(report.entries)")
    }

    @Test("A UART that was never switched on is told as that")
    func uartOff() throws {
        let cause = try #require(try Self.examine("doctor-uart-off").cause)
        #expect(cause.name == "polls-register")
        #expect(cause.sentence.contains("UART4.ISR (0x4001001c)") && cause.sentence.hasSuffix("UART4 is not enabled (CR1.UE is 0)."), "\(cause)")
    }

    @Test("What firmware sent before anybody spoke to it is no answer")
    func unasked() throws {
        let report = try Self.examine("doctor-unasked")
        #expect(!report.isFine, "\(report.entries)")
        #expect(report.channels.map(\.reply) == [.notTaken])
    }

    @Test("A span that is over before Linux could hear a doorbell blames nobody for it", arguments: [1, 50, 500] as [UInt64])
    func shortSpan(microseconds: UInt64) throws {
        let image = try Samples.elf("tty-echo")
        let doctor = try Doctor(MP1System(Samples.configuration(.elf)), image: FirmwareImage(image))
        let report = doctor.examine(name: "tty-echo", span: .microseconds(microseconds))
        #expect(!report.problems.contains { ["no-kick", "no-announcement"].contains($0.name) }, "\(report.entries)")
    }

    @Test("A register that was waited for only in passing is no cause, however long one looks", arguments: [1250, 2000] as [UInt64])
    func inPassing(milliseconds: UInt64) throws {
        let image = try Samples.elf("doctor-times-out")
        let doctor = try Doctor(MP1System(Samples.configuration(.elf)), image: FirmwareImage(image))
        let report = doctor.examine(name: "times-out", span: .milliseconds(milliseconds))
        #expect(report.isFine, "\(report.entries)")
    }

    @Test("A fault that Linux has recovered from is told as a fault, with its place, and not as the watchdog's")
    func recovered() throws {
        let report = try Self.examine("doctor-faults-once") { $0.recoveryLimit = 3 }
        #expect(report.problems.map(\.name) == ["fault"], "\(report.entries)")
        let fault = try #require(report.cause)
        #expect(fault.sentence.hasPrefix("The firmware faulted at first_start+0x"), "\(fault)")
        #expect(fault.sentence.contains("called from main+0x") && fault.sentence.contains("Linux was told of a fault once, and started the firmware anew"), "\(fault)")
        #expect(report.channels.allSatisfy { $0.answers } && !report.channels.isEmpty)
    }
}
