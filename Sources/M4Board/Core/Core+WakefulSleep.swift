// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CThumb
import CUnicorn
import CortexM

// WFI with its wake-up pending all the time: what `cpsid i; for (;;) wfi` of an error handler becomes once an interrupt is pending. The core
// does not sleep, and is as busy as in a branch to itself. The engine leaves its loop at each WFI, so that idle_loops.c does not see it.
extension Core {
    /// A round of such a loop, from behind a WFI to behind it again.
    struct WakefulRound: Equatable, Sendable {
        var pc: UInt32 = 0
        /// As they were behind the WFI.
        var cycles: UInt64 = 0, extra: UInt64 = 0
        var blocks: UInt32 = 0
        /// What the newest round took; nothing before there was one.
        var roundCycles: UInt64 = 0, roundExtra: UInt64 = 0
        var roundBlocks: UInt32 = 0
    }

    /// The longest loop that is looked through, in instructions.
    private static let longestLoop = 8

    /// Behind a WFI at which the core has not slept: counts the rounds that end before `deadline` instead of executing them, once two in a row took
    /// the same and have nothing in them that could change anything. All that firmware, trace or host can see is as if they had been.
    func skipWakefulRounds(until deadline: UInt64) {
        let raw = engine.raw
        let last = derived.pointee.wakefulRound
        var round = WakefulRound(pc: nextPC, cycles: raw.pointee.cycles, extra: raw.pointee.extra, blocks: raw.pointee.history_count)
        defer { derived.pointee.wakefulRound = round }
        guard last.pc == nextPC, !steps, !raw.pointee.idle_loop.off, !m4_engine_can_take(raw) else { return }
        round.roundCycles = round.cycles &- last.cycles
        round.roundExtra = round.extra &- last.extra
        round.roundBlocks = round.blocks &- last.blocks
        guard round.roundCycles == last.roundCycles, round.roundExtra == last.roundExtra, round.roundBlocks == last.roundBlocks, onlyWaits(from: nextPC & ~1) else { return }
        raw.pointee.deadline = min(deadline, events.next, pollAt)
        m4_engine_skip_rounds(raw, round.roundCycles, round.roundExtra, round.roundBlocks)
        round.cycles = raw.pointee.cycles
        round.extra = raw.pointee.extra
        round.blocks = raw.pointee.history_count
    }

    /// Whether the code from `start` on comes back there through one WFI, barriers and nothing else.
    private func onlyWaits(from start: UInt32) -> Bool {
        var address = start, sleeps = 0
        for _ in 0..<Self.longestLoop {
            guard let instruction = instruction(at: address) else { return false }
            switch instruction.operation {
            case THUMB_NOP, THUMB_DMB, THUMB_DSB, THUMB_ISB: address &+= instruction.size
            case THUMB_WFI:
                sleeps += 1
                address &+= instruction.size
            case THUMB_B:
                guard case .branch(let target, isConditional: false) = instruction.flow(at: address) else { return false }
                address = target
            default: return false
            }
            if address == start { return sleeps == 1 }
        }
        return false
    }
}
