import Chips
import M4Board
import MP1Peripherals
import MachineBase

/// Loops that wait for what is no part of rpmsg: the tick, a register, a flag in memory.
extension Doctor {
    var chip: SoCDescription { system.configuration.chip }

    /// Whether the firmware waits for HAL's tick, which stands still.
    mutating func judgeTick() -> Bool {
        let functions = core.usualFunctions(8)
        guard core.isLooping, let inside = functions.first(where: { $0 == "HAL_Delay" }) ?? functions.first(where: { $0 == "HAL_GetTick" }),
            let counter = symbols["uwTick"]?.address, let count = system.board.memoryWord(at: counter)
        else { return false }
        let activity = system.board.activity()
        // Interrupt -1 of the SoC is the core's SysTick.
        let tick = system.board.interruptState(-1)
        let why = if tick.isPending {
            "SysTick is pending but not taken: PRIMASK is \(activity.registers.primask), BASEPRI 0x\(String(activity.registers.basepri, radix: 16)), \(activity.registers.exception), SysTick's priority 0x\(String(tick.priority, radix: 16))"
        } else {
            "SysTick has not counted once"
        }
        // Whether execution lets it in.
        guard tick.isPending && tick.priority >= activity.priority || count == 0 else { return false }
        report.problem(
            .tickStopped,
            "The M4 waits at \(place(activity.registers.pc)) for time to pass (\(inside)), and uwTick at \(hex32(counter)) stands at \(count): \(why).",
            "call HAL_Init, which starts SysTick; wait neither with interrupts disabled nor in a handler as urgent as SysTick's.")
        return true
    }

    /// A register that a loop reads, and that always gives the same.
    mutating func judgePolling() {
        guard core.isLooping, !report.channels.contains(where: \.answers) else { return }
        let functions = list(core.usualFunctions(4))
        // A main loop that does its work looks at a pin or a status at each turn.
        let isAtWork = report.isWithoutRpmsg && core.isProgressing || core.drivesPins
        let polled = core.polled.filter { isWaitedFor($0.address) }
        for (address, value) in isAtWork ? polled.filter({ isUnmodelled($0.address) }) + polled : polled {
            guard let location = chip.registers.location(at: address) else { continue }
            let at = functions.isEmpty ? place(system.board.activity().registers.pc) : functions
            let wait = "The M4 goes round a loop in \(at) that reads \(location) (\(hex32(address))), which is \(hex32(value)) and does not change."
            if isAtWork, !isUnmodelled(address) {
                report.note("may-wait", "\(wait) \(core.drivesPins ? "It drives pins in the same loop" : "Other things change from one turn to the next"): it may wait for that, or look at it among other work.")
                return
            }
            if isUnmodelled(address) {
                let isBlockModelled = unmodelled.first { $0.address & ~3 == address & ~3 }?.isBlockModelled == true
                let what = isBlockModelled ? "does not model this register of \(location.peripheral)" : "has no model of \(location.peripheral)"
                report.problem(
                    .unmodelledRegister, "\(wait) m4run \(what): the register keeps what is written to it and does nothing.",
                    "on a board \(location.peripheral) may do what the firmware waits for; here it has to do without it.")
            } else {
                judge(wait, location, value)
            }
            return
        }
    }

    /// A wait for a register of a block that has a model.
    private mutating func judge(_ wait: String, _ location: RegisterMap.Location, _ value: UInt32) {
        switch chip.registers.peripheral(named: location.peripheral)?.group {
        case "GPIO" where location.register == "IDR":
            report.problem(
                .waitsForInput, "\(wait) It waits for an input pin, and m4run has nothing at the pins.", "none if it waits for a button; on a board somebody presses it.")
        case "USART" where location.register == "ISR", "UART" where location.register == "ISR":
            let isEnabled = ((try? system.board.readWord(PhysicalAddress(location.base), secure: true)) ?? 0) & 1 != 0
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
        guard !chip.mailbox.contains(address), let location = chip.registers.location(at: address) else { return false }
        return location.register != "ODR"
    }

    func isUnmodelled(_ address: UInt32) -> Bool { unmodelled.contains { $0.address & ~3 == address & ~3 } }

    /// Features that modelled blocks lack, and the firmware has switched on.
    var unmodelledFeatures: [UnsupportedFeature] {
        system.boardFindings.compactMap { if case .unsupported(let feature) = $0.finding { feature } else { nil } }
    }

    /// Where a channel answers they are said beside.
    mutating func judgeFeatures() {
        let waited: [UnsupportedFeature] = system.waitsFor.compactMap { if case .feature(let feature) = $0 { feature } else { nil } }
        let isAnswering = report.channels.contains(where: \.answers)
        // Firmware that does its work without Linux reads such a block beside it, an encoder's position for one; an RTOS idles in any case.
        let isAtWork = report.isWithoutRpmsg && (thread != nil || core.sleepPlace == nil && core.isProgressing)
        for feature in unmodelledFeatures {
            let since = system.configuration.board.coreClock.time(cycles: feature.cycle)
            let sentence = "\(feature). The firmware switched it on at \(since) s."
            // A pin that nobody drives is no gap of the firmware's: where it is waited for, the loop says so.
            if !isAnswering, !isAtWork, feature.peripheral != "EXTI", waited.contains(where: { $0.place == feature.place && $0.feature == feature.feature }) {
                report.problem(.unmodelledFeature, sentence, "on a board it may do what the firmware waits for; here it has to do without it.")
            } else {
                report.note("unmodelled-feature", sentence)
            }
        }
    }

    /// Blocks of which registers without a model were used.
    var unmodelledBlocks: [String] {
        unmodelled.reduce(into: []) { names, access in
            guard access.kind != .unmapped, let name = access.location?.peripheral, !names.contains(name) else { return }
            names.append(name)
        }
    }

    /// A loop in which nothing changes: it waits for what a handler puts into memory, or for nothing.
    mutating func judgeIdleLoop() {
        guard thread == nil else { return }
        if let loop = core.endlessLoop {
            // A usual end of main, and a strange place elsewhere.
            guard let function = symbols.functionName(at: loop), function != "main" else { return }
            report.problem(
                .endlessLoop,
                "The M4 is in an endless loop at \(place(loop))\(chain) that only an interrupt interrupts. m4run does not know whether \(function) is where it should be.",
                "break there ('m4run run --break \(function)') to see where it comes from." + unmodelledHint)
        } else if core.isSteady {
            if let timer = system.board.timersUnderWay.first, report.isWithoutRpmsg {
                let due = system.configuration.board.coreClock.time(cycles: timer.cycle)
                report.note(
                    "waits-for-timer",
                    "The M4 goes round a loop in \(list(core.usualFunctions(4)))\(chain) in which nothing changes. \(timer.peripheral) counts, its interrupt is enabled, and its next event is due at \(due) s: it may wait for that.")
                return
            }
            let waits = neverTaken
            report.problem(
                .waitsForMemory,
                "The M4 goes round a loop in \(list(core.usualFunctions(4)))\(chain) in which nothing changes, and which waits for no register: it waits for something in memory, which an interrupt's handler, a DMA or the processor beside it may set. m4run does not know which. "
                    + (waits.isEmpty ? "The enabled interrupts have all come at least once." : "Enabled, and never come: \(list(waits)).\(pinWords)"),
                "look at the loop's condition, and who sets it" + (waits.isEmpty ? "." : "; if that is an interrupt's handler, what should cause the interrupt: a peripheral's set-up, its clock, or something outside of the chip.") + unmodelledHint)
        }
    }

    /// Names of the enabled interrupts that have never come.
    var neverTaken: [String] {
        system.board.interruptsNeverTaken.map { [chip] in chip.registers.interruptName($0) ?? "interrupt \($0)" }
    }

    /// What is said of them: lines of pins get nothing from outside.
    var neverTakenWords: String {
        let names = neverTaken
        guard !names.isEmpty else { return "" }
        return " Interrupts that are enabled and have never come: \(list(names))."
            + pinWords
    }
    private var pinWords: String {
        neverTaken.contains { $0.hasPrefix("EXTI") } ? " Nothing is at the pins here: where one of them is a button, nobody presses it." : ""
    }

    /// `, called from ...`, as far as it is certain.
    private var chain: String { system.callChain(symbols).text(limit: 4, symbols.name(of:)).map { ", " + $0 } ?? "" }
}
