// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import M4Board
import MP1Peripherals
import MachineBase

/// Loops that wait for what is no part of rpmsg: the tick, a register, a flag in memory.
struct WaitRules {
    let seen: Observations
    init(_ seen: Observations) { self.seen = seen }

    /// Whether the firmware waits for HAL's tick, which stands still.
    func judgeTick(_ report: inout DoctorReport) -> Bool {
        let functions = seen.core.usualFunctions(8)
        guard seen.core.isLooping, let inside = functions.first(where: { $0 == "HAL_Delay" }) ?? functions.first(where: { $0 == "HAL_GetTick" }),
            let counter = seen.symbols["uwTick"]?.address, let count = seen.system.board.memoryWord(at: counter)
        else { return false }
        let activity = seen.system.board.activity()
        // Interrupt -1 of the SoC is the core's SysTick.
        let tick = seen.system.board.interruptState(-1)
        let why = if tick.isPending {
            "SysTick is pending but not taken: PRIMASK is \(activity.registers.primask), BASEPRI 0x\(String(activity.registers.basepri, radix: 16)), \(activity.registers.exception), SysTick's priority 0x\(String(tick.priority, radix: 16))"
        } else {
            "SysTick has not counted once"
        }
        // Whether execution lets it in.
        guard tick.isPending && tick.priority >= activity.priority || count == 0 else { return false }
        report.problem(
            .tickStopped,
            "The M4 waits at \(seen.place(activity.registers.pc)) for time to pass (\(inside)), and uwTick at \(hex32(counter)) stands at \(count): \(why).",
            "call HAL_Init, which starts SysTick; wait neither with interrupts disabled nor in a handler as urgent as SysTick's.")
        return true
    }

    /// A register that a loop reads, and that always gives the same.
    func judgePolling(_ report: inout DoctorReport) {
        guard seen.core.isLooping, !report.channels.contains(where: \.answers) else { return }
        let functions = seen.list(seen.core.usualFunctions(4))
        // A main loop that does its work looks at a pin or a status at each turn.
        let isAtWork = report.isWithoutRpmsg && seen.core.isProgressing || seen.core.drivesPins
        let polled = seen.core.polled.filter { isWaitedFor($0.address) }
        for (address, value) in isAtWork ? polled.filter({ seen.isUnmodelled($0.address) }) + polled : polled {
            guard let location = seen.chip.registers.location(at: address) else { continue }
            let at = functions.isEmpty ? seen.place(seen.system.board.activity().registers.pc) : functions
            let wait = "The M4 goes round a loop in \(at) that reads \(location) (\(hex32(address))), which is \(hex32(value)) and does not change."
            if isAtWork, !seen.isUnmodelled(address) {
                report.note(.mayWait, "\(wait) \(seen.core.drivesPins ? "It drives pins in the same loop" : "Other things change from one turn to the next"): it may wait for that, or look at it among other work.")
                return
            }
            if seen.isUnmodelled(address) {
                let isBlockModelled = seen.unmodelled.first { $0.address & ~3 == address & ~3 }?.isBlockModelled == true
                let what = isBlockModelled ? "does not model this register of \(location.peripheral)" : "has no model of \(location.peripheral)"
                report.problem(
                    .unmodelledRegister, "\(wait) m4run \(what): the register keeps what is written to it and does nothing.",
                    "on a board \(location.peripheral) may do what the firmware waits for; here it has to do without it.")
            } else {
                judge(wait, location, value, &report)
            }
            return
        }
    }

    /// A wait for a register of a block that has a model.
    private func judge(_ wait: String, _ location: RegisterMap.Location, _ value: UInt32, _ report: inout DoctorReport) {
        switch seen.chip.registers.peripheral(named: location.peripheral)?.group {
        case "GPIO" where location.register == "IDR":
            report.problem(
                .waitsForInput, "\(wait) It waits for an input pin, and m4run has nothing at the pins.", "none if it waits for a button; on a board somebody presses it.")
        case "USART" where location.register == "ISR", "UART" where location.register == "ISR":
            let isEnabled = ((try? seen.system.board.readWord(PhysicalAddress(location.base), secure: true)) ?? 0) & 1 != 0
            // TXE and TC are up, RXNE is not.
            if isEnabled, value & 0xE0 == 0xC0 {
                report.problem(
                    .waitsForInput, "\(wait) It waits for a character on \(location.peripheral), and m4run has nobody at the other end of the line.", "none if it waits for a command.")
            } else {
                report.problem(
                    .pollsRegister, wait + (isEnabled ? "" : " \(location.peripheral) is not enabled (CR1.UE is 0)."),
                    isEnabled ? "look which bit it waits for, and what has to be set up before that comes."
                        : "set \(location.peripheral) up in the firmware; on a board a boot stage may have done so before.")
            }
        case "RCC":
            report.problem(.pollsRegister, wait, "switch on the clock that the bit belongs to before waiting for it; on a board Linux or the boot chain may have done so.")
        case "HSEM":
            report.problem(.pollsRegister, wait, "release the semaphore where it was taken; Linux takes none here.")
        default:
            report.problem(
                .pollsRegister, wait,
                "m4run has a model of \(location.peripheral): look what the firmware has to set up in it before this comes, and what of it comes from outside of the chip.")
        }
    }

    /// A register with a name, not of the mailbox, and no port's output, which nothing but firmware changes.
    private func isWaitedFor(_ address: UInt32) -> Bool {
        guard !seen.chip.mailbox.contains(address), let location = seen.chip.registers.location(at: address) else { return false }
        return location.register != "ODR"
    }

    /// Where a channel answers they are said beside.
    func judgeFeatures(_ report: inout DoctorReport) {
        let waited: [UnsupportedFeature] = seen.system.waitsFor.compactMap { if case .feature(let feature) = $0 { feature } else { nil } }
        let isAnswering = report.channels.contains(where: \.answers)
        // Firmware that does its work without Linux reads such a block beside it, an encoder's position for one; an RTOS idles in any case.
        let isAtWork = report.isWithoutRpmsg && (seen.thread != nil || seen.core.sleepPlace == nil && seen.core.isProgressing)
        for feature in seen.unmodelledFeatures {
            let since = seen.system.configuration.board.coreClock.time(cycles: feature.cycle)
            let sentence = "\(feature). The firmware switched it on at \(since) s."
            // A pin that nobody drives is no gap of the firmware's: where it is waited for, the loop says so.
            if !isAnswering, !isAtWork, feature.peripheral != "EXTI", waited.contains(where: { $0.place == feature.place && $0.feature == feature.feature }) {
                report.problem(.unmodelledFeature, sentence, "on a board it may do what the firmware waits for; here it has to do without it.")
            } else {
                report.note(.unmodelledFeature, sentence)
            }
        }
    }

    /// A loop in which nothing changes: it waits for what a handler puts into memory, or for nothing.
    func judgeIdleLoop(_ report: inout DoctorReport) {
        guard seen.thread == nil else { return }
        if let loop = seen.core.endlessLoop {
            // A usual end of main, and a strange place elsewhere.
            guard let function = seen.symbols.functionName(at: loop), function != "main" else { return }
            report.problem(
                .endlessLoop,
                "The M4 is in an endless loop at \(seen.place(loop))\(seen.chain) that only an interrupt interrupts. m4run does not know whether \(function) is where it should be.",
                "break there ('m4run run --break \(function)') to see where it comes from." + seen.unmodelledHint)
        } else if seen.core.isSteady {
            if let timer = seen.system.board.timersUnderWay.first, report.isWithoutRpmsg {
                let due = seen.system.configuration.board.coreClock.time(cycles: timer.cycle)
                report.note(
                    .waitsForTimer,
                    "The M4 goes round a loop in \(seen.list(seen.core.usualFunctions(4)))\(seen.chain) in which nothing changes. \(timer.peripheral) counts, its interrupt is enabled, and its next event is due at \(due) s: it may wait for that.")
                return
            }
            let waits = seen.neverTaken
            report.problem(
                .waitsForMemory,
                "The M4 goes round a loop in \(seen.list(seen.core.usualFunctions(4)))\(seen.chain) in which nothing changes, and which waits for no register: it waits for something in memory, which an interrupt's handler, a DMA or the processor beside it may set. m4run does not know which. "
                    + (waits.isEmpty ? "The enabled interrupts have all come at least once." : "Enabled, and never come: \(seen.list(waits)).\(seen.pinWords)"),
                "look at the loop's condition, and who sets it" + (waits.isEmpty ? "." : "; if that is an interrupt's handler, what should cause the interrupt: a peripheral's set-up, its clock, or something outside of the chip.") + seen.unmodelledHint)
        }
    }
}
