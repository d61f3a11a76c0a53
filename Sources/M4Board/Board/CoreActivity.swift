// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import CortexM
import MP1Peripherals

/// What the core is about, seen from outside: for whoever asks why nothing more happens.
public struct CoreActivity: Equatable, Sendable {
    public enum State: Equatable, Sendable { case held, lockedUp, asleep, running }
    public var state: State
    public var registers: CoreRegisters
    /// Starts of the blocks of instructions that ran last, each once, oldest first.
    public var blocks: [UInt32]
    /// Few blocks, over and over: a loop that waits.
    public var isLooping: Bool
    /// Priority that execution has now; an interrupt needs a lesser number. 256 for none.
    public var priority: Int32
}

extension M4Board {
    /// Reads only; at the end of a run.
    public func activity() -> CoreActivity {
        let state: CoreActivity.State = isHeld ? .held : isLockedUp ? .lockedUp : isAsleep ? .asleep : .running
        let history = core.history
        var blocks: [UInt32] = []
        for block in history where !blocks.contains(block) { blocks.append(block) }
        let isLooping = state == .running && history.count >= 32 && blocks.count <= 12
        return CoreActivity(
            state: state, registers: core.registers, blocks: blocks, isLooping: isLooping,
            priority: m4_engine_execution_priority(core.engine.raw))
    }

    /// A word of memory at an address of the M4's; nil where no memory is.
    public func memoryWord(at address: UInt32) -> UInt32? {
        core.engine.memory(address & ~3, count: 4).map { UnsafeRawPointer($0).loadUnaligned(as: UInt32.self) }
    }

    /// The priority of an interrupt of the SoC, whether it is enabled, pending, and where its handler is.
    public func interruptState(_ irq: Int) -> (isEnabled: Bool, isPending: Bool, priority: Int32, handler: UInt32?) {
        let number = ExceptionNumber(16 + irq)
        let handler = core.word(core.scs.vectorTable &+ UInt32(4 * (16 + irq)))
        return (core.scs.exceptions.isEnabled(number), core.scs.exceptions.isPending(number), core.scs.exceptions.groupPriority(number), handler)
    }

    /// Whether the code at `address` is a branch to itself, as start-up files have for handlers that nobody defines.
    public func isEndlessLoop(at address: UInt32) -> Bool {
        let place = address & ~1
        return core.instruction(at: place)?.flow(at: place) == .branch(to: place, isConditional: false)
    }
}
