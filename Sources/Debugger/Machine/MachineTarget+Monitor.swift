// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import MachineBase
import RprocHost
import VirtualMP1

/// The words of `monitor`: those that other servers have, and what this machine has to tell.
extension MachineTarget {
    private static let help = """
        reset, reset run          Linux loads and starts the firmware anew, and it runs
        reset halt, reset init    the same, and the M4 stands before its first instruction
        halt, resume              stop the M4, let it run
        rproc                     remoteproc's state, as Linux has it
        rings                     the virtio rings: indices of both sides, channels
        ipcc                      the mailbox's flags and masks
        trace                     the firmware's trace buffers
        findings                  what m4run has found wrong so far
        doctor                    what the firmware waits for
        vectors                   the vector table in force
        time                      virtual time, cycles, instructions
        shutdown                  end the run
        help                      this
        While the M4 stands, virtual time stands for Linux, too.

        """

    public func monitor(_ words: [String], mayChange: Bool) -> MonitorAnswer? {
        switch words {
        case [], ["help"]: return MonitorAnswer(Self.help)
        case ["rproc"]: return MonitorAnswer(rproc)
        case ["rings"]: return MonitorAnswer(rings)
        case ["ipcc"]: return MonitorAnswer(mailbox)
        case ["trace"]: return MonitorAnswer(traces)
        case ["findings"]: return MonitorAnswer(findings)
        case ["doctor"]: return MonitorAnswer(lines([diagnosis()] + system.linux.diagnosis() + system.waitsFor.map { "\($0)" }))
        case ["vectors"]: return MonitorAnswer(vectors)
        case ["time"]: return MonitorAnswer(time)
        default: break
        }
        let changes = [["reset"], ["reset", "run"], ["reset", "halt"], ["reset", "init"], ["halt"], ["resume"], ["shutdown"]]
        guard changes.contains(words) else { return nil }
        guard mayChange else { return MonitorAnswer("this client only looks: another has the machine\n") }
        return change(words)
    }

    private func change(_ words: [String]) -> MonitorAnswer {
        switch words {
        case ["halt"]:
            halt()
            return MonitorAnswer("")
        case ["resume"]:
            resume(.run)
            return MonitorAnswer("")
        case ["shutdown"]: return MonitorAnswer("", endsServer: true)
        case ["reset", "halt"], ["reset", "init"]:
            if let problem = resetAndHalt() { return MonitorAnswer("m4run: \(ForeignText.line(problem))\n") }
            return MonitorAnswer(resetNote + "the M4 stands at its reset handler, pc \(hex32(UInt32(truncatingIfNeeded: board.register(.r(15)))))\n")
        default:
            if let problem = reset(halting: false) { return MonitorAnswer("m4run: \(ForeignText.line(problem))\n") }
            plan = .run
            return MonitorAnswer(resetNote + "the M4 runs from its reset handler\n")
        }
    }

    private func lines(_ lines: [String]) -> String { lines.filter { !$0.isEmpty }.map { ForeignText.lines($0) + "\n" }.joined() }

    // MARK: What there is to see

    private var rproc: String {
        let linux = system.linux
        var text = ["state: \(linux.state.rawValue)", "name: \(linux.configuration.name)", "firmware: \(linux.firmware)", "recovery: \(linux.recoveryEnabled ? "enabled" : "disabled")"]
        text.append("crashes: \(linux.crashCount)")
        text += linux.carveouts.map { "carveout \($0.name): \($0.length) bytes at \(hex32($0.deviceAddress.value))" }
        return lines(text)
    }

    private var rings: String {
        var text: [String] = []
        for device in system.linux.virtioDevices {
            let status = device.resource.map { hex32(UInt32($0.status)) } ?? "unreadable"
            text.append("vdev\(device.index): type \(device.id), status \(status)")
            for ring in device.rings {
                text.append(
                    "  \(ring.name): \(ring.count) descriptors, \(ring.free) free; avail idx \(ring.availableIndex), used idx \(ring.usedIndex), Linux has taken up to \(ring.lastUsedIndex)"
                        + (ring.isBroken ? "; broken" : ""))
            }
        }
        if text.isEmpty { return "Linux has no rings: there is no vdev\n" }
        for channel in system.linux.channels {
            text.append("channel \(channel.name) at \(hex32(channel.destination)), " + (channel.driver.map { "driver \($0.driverName)" } ?? "no driver"))
        }
        let counts = system.linux.messageCounts
        text.append("messages: \(counts.sent) to the firmware, \(counts.received) from it")
        return lines(text)
    }

    private var mailbox: String {
        let chip = board.configuration.chip.mailbox, ipcc = board.soc.ipcc
        func word(_ offset: UInt32) -> UInt32? {
            let bytes = board.peek(chip.address(offset).value, count: 4)
            return bytes.count == 4 ? bytes.enumerated().reduce(0) { $0 | UInt32($1.element) << UInt32($1.offset * 8) } : nil
        }
        guard let mask = word(chip.offsets.c2MR), let control = word(chip.offsets.c2CR) else { return "\(chip.block) cannot be read\n" }
        var text = ["\(chip.block): C2CR \(hex32(control)), C2MR \(hex32(mask))"]
        for channel in 0..<chip.channelCount {
            let bit: UInt32 = 1 << UInt32(channel)
            func flag(_ value: UInt32) -> String { value & bit != 0 ? "occupied" : "free" }
            text.append(
                "  channel \(channel + 1): to the M4 \(flag(ipcc.occupiedToM4)), to Linux \(flag(ipcc.occupiedToA7)); the M4's interrupt for received is "
                    + (mask & bit != 0 ? "masked" : "unmasked") + ", for free " + (mask & bit << 16 != 0 ? "masked" : "unmasked"))
        }
        return lines(text)
    }

    private var traces: String {
        let linux = system.linux
        guard linux.traceCount > 0 else { return "the firmware has no trace buffer\n" }
        return (0..<linux.traceCount).map { index in
            let text = linux.trace(index) ?? ""
            return "trace\(index):\n\(text)" + (text.hasSuffix("\n") ? "" : "\n")
        }.joined()
    }

    private var findings: String {
        let found = system.linux.findings.kept.map { ($0.time, $0.finding.description) } + system.boardFindings.map { ($0.time, $0.finding.description) }
        return found.isEmpty ? "no findings\n" : lines(found.sorted { $0.0 < $1.0 }.map { "\($0.0) s: \($0.1)" })
    }

    private var time: String {
        let core = board.core
        return lines(["virtual time: \(system.now) s", "cycles: \(board.cycles)", "instructions: \(core.retired), of which \(core.skipped) were counted in loops that only wait", "core: \(coreState)"])
    }

    private var coreState: String {
        if board.isHeld { return "held in reset" }
        if board.isLockedUp { return "locked up" }
        return board.isAsleep ? (board.waitsForEvent ? "asleep in WFE" : "asleep in WFI") : "awake, \(board.core.currentException)"
    }

    private var vectors: String {
        let table = board.core.scs.vectorTable, count = 16 + board.configuration.chip.registers.interruptCount
        let bytes = board.peek(table, count: count * 4)
        let symbols = system.loadedImage.map { FirmwareSymbols(of: $0) } ?? .none
        var text = ["vector table at \(hex32(table))"]
        var former: (value: UInt32, first: Int)?
        func line(_ number: Int, _ value: UInt32) -> String {
            let name = number == 0 ? "stack" : ExceptionNumber(number).isInterrupt.map { "IRQ\($0)" + (board.configuration.chip.registers.interruptName($0).map { " \($0)" } ?? "") } ?? "\(ExceptionNumber(number))"
            let place = number == 0 ? nil : symbols.name(at: value & ~1)
            return "  \(number) \(name): \(hex32(value))" + (place.map { " <\($0)>" } ?? "")
        }
        for number in 0..<bytes.count / 4 {
            let value = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[number * 4 + $1]) << UInt32($1 * 8) }
            // Interrupts that share a handler are a line.
            if number > 16, let last = former, last.value == value { continue }
            former = (value, number)
            text.append(line(number, value))
        }
        return lines(text)
    }
}

extension ExceptionNumber {
    fileprivate var isInterrupt: Int? { value >= 16 ? value - 16 : nil }
}
