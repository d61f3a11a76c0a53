// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MP1Peripherals
import MachineBase
import RprocHost

/// What was complained of during an examination: by the kernel, by the machine, by the core.
final class Complaints {
    typealias Crash = (time: VirtualTime, fault: FaultReport, callers: String)
    private(set) var kernelErrors: [KernelLogRecord] = []
    private(set) var unmodelled: [UnmodelledAccess] = []
    private(set) var crash: Crash?
    private(set) var crashes = 0

    /// Listens to `system` from now on, for as long as that lives.
    init(_ system: MP1System, _ symbols: FirmwareSymbols) {
        system.events.subscribe { [unowned system, self] event in
            switch event {
            case .kernelLog(let record) where record.level <= .error && record.cause != .missingMailbox: kernelErrors.append(record)
            case .board(_, .soc(.unmodelled(let access))) where access.initiator == .cortexM4: unmodelled.append(access)
            case .crashed(let time, .fault(let fault)), .crashed(let time, .lockup(let fault)):
                crashes += 1
                guard crash == nil else { break }
                let callers = system.callChain(of: fault.registers, history: fault.history, symbols).text(limit: 8, symbols.place(of:))
                crash = (time, fault, callers.map { "; \($0)" } ?? "")
            default: break
            }
        }
    }
}
