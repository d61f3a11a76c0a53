// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Why a wait ended.
public enum WaitOutcome: Equatable, Sendable {
    /// The condition held, at this virtual time.
    case conditionMet
    /// Virtual time reached the deadline; the condition was looked at once more and did not hold.
    case deadlineReached
    /// The machine will not go on (a limit, a user's interrupt): what a pending signal is to a sleeping task.
    case interrupted
}

/// The machine under the Linux side: its bus, its clock, and the way to let time pass.
///
/// The kernel's code is sequential while the firmware runs beside it. So the host's code is synchronous, takes no virtual
/// time by itself, and wherever the kernel would sleep it calls `wait`, in which the Cortex-M4 executes.
///
/// The platform tells the host of three things: `RemoteProcessor.interrupt(_:)` when one of its interrupt lines rises,
/// `RemoteProcessor.workDue()` when the time given to `scheduleWork` has come, and nothing else. `interrupt` only takes a
/// note (and, with an interrupt latency of zero, runs the handler: bus accesses, no waiting), so it may be called while a
/// core's store is being executed. `workDue` may run drivers that call `wait`: call it only between two slices of
/// execution, from a loop that may be entered again.
public protocol HostPlatform: AnyObject {
    var bus: any NonSecureBus { get }
    var now: VirtualTime { get }
    /// Lets the machine run until `condition` holds or `deadline` is reached. `condition` is looked at first before any
    /// time passes, and again after each delivered interrupt or work.
    func wait(until deadline: VirtualTime, or condition: () -> Bool) -> WaitOutcome
    /// Asks for one call of `workDue()` at `time` (as soon as possible when that has passed) in place of what was asked
    /// before; `.never` asks for none.
    func scheduleWork(at time: VirtualTime)
}

/// The Cortex-A7's interrupt lines that concern the coprocessor.
public enum HostInterrupt: Sendable {
    /// IPCC channel occupied by the M4. A level: the IPCC holds it until the flag is cleared or masked.
    case mailboxReceive
    /// IPCC channel freed by the M4. A level.
    case mailboxTransmitFree
    /// Its window watchdog has reset the M4. An edge.
    case watchdog
}
