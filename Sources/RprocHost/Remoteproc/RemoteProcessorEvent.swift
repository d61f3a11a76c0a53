// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Something that happens to a remote processor, for whoever watches it.
public enum RemoteProcessorEvent {
    case stateChanged(RemoteProcessorState)
    /// A crash is reported; nothing has been done about it.
    case crashReported(CrashType)
    /// A recovery is about to take its core dump: memory is as the crash has left it.
    case coredumpDue
    /// A rule of `HostConfiguration.kickFaults` has acted on a doorbell.
    case kickFault(VirtualTime, KickFault.Event)
}

/// What becomes of a core dump that a recovery has taken.
public enum CoredumpUse: Sendable {
    /// It is read to its end at once.
    case read
    /// It stays: under `inline` the recovery waits, offline and with the lock held, for `freeCoredump()`, or for `HostTiming.coredumpTimeout`.
    case kept
    /// It is thrown away, as one is there already.
    case dropped
}
