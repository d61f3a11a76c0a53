// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc

/// The signals that end a process which has no handler for them, by what they are to a run.
///
/// Source: signal(7). SIGKILL cannot be handled, and SIGPIPE is ignored: a write says that its reader has gone.
public enum EndingSignals {
    /// By which a user, a terminal or a service manager asks for an end: a served run that ends in order is a success then.
    static let wishes = [SIGINT, SIGTERM, SIGHUP]
    /// That a terminal's Ctrl-\ or a watchdog sends to what should be gone at once.
    static let urgent = [SIGQUIT] + faults
    /// Of these the process' own are faults of the program, and end it as ever.
    static let faults = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS]
    /// After which a run ends in order, and then by the signal.
    private static let others = [SIGUSR1, SIGUSR2, SIGALRM, SIGSTKFLT, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGPOLL, SIGPWR]
    private static var realTime: ClosedRange<Int32> { __libc_current_sigrtmin()...__libc_current_sigrtmax() }

    static var all: [Int32] { wishes + urgent + others + Array(realTime) }

    /// Whether a run that has ended in order for this signal has done what was asked.
    public static func isWish(_ number: Int32) -> Bool { wishes.contains(number) }
    /// Whether nothing is waited for any more.
    public static func isUrgent(_ number: Int32) -> Bool { urgent.contains(number) }

    private static let names: [Int32: String] = [
        SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGABRT: "SIGABRT", SIGBUS: "SIGBUS",
        SIGFPE: "SIGFPE", SIGUSR1: "SIGUSR1", SIGSEGV: "SIGSEGV", SIGUSR2: "SIGUSR2", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM",
        SIGSTKFLT: "SIGSTKFLT", SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ", SIGVTALRM: "SIGVTALRM", SIGPROF: "SIGPROF", SIGPOLL: "SIGPOLL",
        SIGPWR: "SIGPWR", SIGSYS: "SIGSYS",
    ]

    /// `SIGTERM`, for 15; `SIGRTMIN+1`.
    public static func name(_ number: Int32) -> String {
        if let name = names[number] { return name }
        guard realTime.contains(number) else { return "signal \(number)" }
        return number == realTime.lowerBound ? "SIGRTMIN" : "SIGRTMIN+\(number - realTime.lowerBound)"
    }
}
