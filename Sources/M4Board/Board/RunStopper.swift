// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn

/// Ends a board's run from another thread, as a limit in wall time or a signal wants it.
///
/// The run comes back with `.hostRequest` at its next block of instructions, or when what one instruction has asked of the host is done.
/// When that is depends on the wall clock, so a run that has been stopped repeats no other.
public final class RunStopper: Sendable {
    nonisolated(unsafe) private let engine: Engine

    init(_ engine: Engine) { self.engine = engine }

    /// Ends the run that is under way, or the next one; to be called again until it has come back.
    public func interrupt() { m4_engine_interrupt(engine.raw, M4_INTERRUPT_ONCE) }

    /// Ends the run that is under way, and each one after it before its first instruction; to be called again until it has come back.
    public func end() { m4_engine_interrupt(engine.raw, M4_INTERRUPT_FOR_GOOD) }

    /// Whether no run does anything any more.
    public var hasEnded: Bool { m4_engine_is_ended(engine.raw) }
}
