// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// How a step of a debugger's ended.
public enum StepEnd: Equatable, Sendable {
    /// The instruction has been executed, an exception has been entered in its place or by it, or the range has been left.
    case stepped
    /// Something else came first, or with it: the reason that a run would have ended with.
    case stopped(StopReason)
}
