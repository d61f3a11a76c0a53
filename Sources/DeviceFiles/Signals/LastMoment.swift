// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc

/// Ends the process at a moment that has been set, whatever hangs then: by a timer of the kernel's, for which no thread has to be had.
public enum LastMoment {
    /// For the handler, which can be given nothing.
    nonisolated(unsafe) private static var code: Int32 = 0

    /// Has the process exit with `code` in so many nanoseconds of wall time; a moment that was set before counts no more.
    public static func exit(_ code: Int32, in nanoseconds: UInt64) {
        Self.code = code
        signal(SIGALRM) { _ in _exit(LastMoment.code) }
        var alone = sigset_t()
        sigemptyset(&alone)
        sigaddset(&alone, SIGALRM)
        // A parent may have left it blocked.
        pthread_sigmask(SIG_UNBLOCK, &alone, nil)
        var timer = itimerval()
        // All zeros would be no timer.
        let microseconds = max(1, nanoseconds / 1000)
        timer.it_value = timeval(tv_sec: Int(microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
        setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil)
    }
}
