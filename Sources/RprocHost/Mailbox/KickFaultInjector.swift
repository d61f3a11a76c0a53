// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Applies a host's `KickFault` rules to its doorbells, one after the other as they are rung.
final class KickFaultInjector {
    enum Verdict: Equatable {
        case passes, isLost
        case isLate(VirtualTime)
    }

    struct Rule: Equatable, Sendable {
        let fault: KickFault
        /// Doorbells seen, and acted on.
        var seen: UInt64 = 0
        var chosen: UInt64 = 0
        var random = SplitMix64(state: 0)
    }
    /// What each has seen, and its random numbers.
    var rules: [Rule]

    /// nil without rules.
    init?(_ faults: [KickFault]) {
        guard !faults.isEmpty else { return nil }
        rules = faults.map { fault in
            var rule = Rule(fault: fault)
            if case .random(_, let seed) = fault.selection { rule.random.state = seed }
            return rule
        }
    }

    /// What becomes of a doorbell, by the first rule that acts on it; every rule that is about it counts it.
    func judge(_ direction: KickFault.Direction, ring: Int) -> (verdict: Verdict, event: KickFault.Event?) {
        var result: (Verdict, KickFault.Event?) = (.passes, nil)
        for index in rules.indices where rules[index].fault.direction == direction && (rules[index].fault.ring ?? ring) == ring {
            guard let verdict = Self.act(&rules[index]), result.1 == nil else { continue }
            if verdict == .passes { continue }
            result = (verdict, KickFault.Event(fault: rules[index].fault, ring: ring, number: rules[index].seen))
        }
        return result
    }

    /// nil when the rule leaves this one alone.
    private static func act(_ rule: inout Rule) -> Verdict? {
        rule.seen &+= 1
        let isChosen = switch rule.fault.selection {
        case .all: true
        case .first(let count): rule.seen <= count
        case .number(let number): rule.seen == number
        case .every(let count): rule.seen % max(1, count) == 0
        case .random(let oneIn, _): rule.random.next() % max(1, oneIn) == 0
        }
        guard isChosen else { return nil }
        rule.chosen &+= 1
        return switch rule.fault.action {
        case .drop: .isLost
        case .delay(let span): .isLate(span)
        case .coalesce(let count): rule.chosen % max(1, count) == 0 ? .passes : .isLost
        }
    }
}
