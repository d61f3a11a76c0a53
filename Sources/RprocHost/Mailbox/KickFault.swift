// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A rule that injects faults into the doorbells between Linux and the firmware: lost, late, or several merged into one.
///
/// The rings are left alone: what a lost doorbell would have announced lies there until somebody looks. Rules decide by count or by
/// a seeded generator, never by wall time, so a run with faults repeats exactly.
public struct KickFault: Equatable, Sendable {
    public enum Direction: String, Sendable, CaseIterable {
        /// Linux's doorbell: the mailbox driver believes it sent and acknowledged.
        case toFirmware = "to-firmware"
        /// The firmware's doorbell: acknowledged in the mailbox, but nobody looks at the ring.
        case toLinux = "to-linux"
    }

    public enum Action: Equatable, Sendable {
        case drop
        /// Comes this much later; doorbells of one ring that wait at the same time ring once.
        case delay(VirtualTime)
        /// Only each `count`th rings; those before it are held back, without a limit of time.
        case coalesce(count: UInt64)
    }

    /// Which of the doorbells that the rule sees it acts on, counted from 1.
    public enum Selection: Equatable, Sendable {
        case all
        case first(UInt64)
        /// This one only.
        case number(UInt64)
        case every(UInt64)
        /// One in so many, by SplitMix64 from `seed`.
        case random(oneIn: UInt64, seed: UInt64)
    }

    public var action: Action
    public var direction: Direction
    /// 0 or 1, the vring's notifyid; nil for both, counted together.
    public var ring: Int?
    public var selection: Selection

    public init(_ action: Action, _ direction: Direction, ring: Int? = nil, _ selection: Selection = .all) {
        self.action = action; self.direction = direction; self.ring = ring; self.selection = selection
    }

    /// A doorbell that a rule acted on.
    public struct Event: Equatable, Sendable, CustomStringConvertible {
        public var fault: KickFault
        /// The ring's notifyid.
        public var ring: Int
        /// Which of the doorbells that the rule has seen.
        public var number: UInt64

        public var description: String {
            let what = switch fault.action {
            case .drop: "dropped"
            case .delay(let span): "delayed by \(span) s"
            case .coalesce: "held back"
            }
            return "kick fault: vq\(ring)'s doorbell \(fault.direction.rawValue), number \(number), is \(what)"
        }
    }
}

// MARK: As text

extension KickFault {
    /// What a text has in place of a rule.
    public struct SyntaxError: Error, Equatable, CustomStringConvertible {
        public var text: String
        /// What of it is wrong; all of it when something is missing.
        public var part: String
        public var problem: String
        public var description: String { "kick fault '\(text)'\(part == text ? "" : ": '\(part)'") \(problem)" }
        /// For where the text stands already.
        public var reason: String { part == text ? "the rule \(problem)" : "'\(part)' \(problem)" }
    }

    /// Reads `ACTION,DIRECTION[,vq0|,vq1][,SELECTION]`.
    ///
    /// ACTION is `drop`, `delay=SPAN` or `coalesce=N`; DIRECTION `to-firmware` or `to-linux`; SELECTION `first=N`, `nth=N`, `every=N`,
    /// or `one-in=N` with `seed=N` (1 unless told). SPAN is a whole number of `ns`, `us`, `ms` or `s`.
    ///
    /// Example: `delay=2ms,to-linux,vq0,every=3`.
    public init(_ text: String) throws(SyntaxError) {
        func wrong(_ part: some StringProtocol, _ problem: String) -> SyntaxError { SyntaxError(text: text, part: String(part), problem: problem) }
        func number(_ part: Substring, _ value: Substring?) throws(SyntaxError) -> UInt64 {
            guard let value, let number = UInt64(value), number > 0 else { throw wrong(part, "needs a number above 0") }
            return number
        }
        var action: Action?, direction: Direction?, ring: Int?, selection: Selection?, seed: UInt64?
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=", maxSplits: 1)
            let value = pair.count == 2 ? pair[1] : nil
            switch pair.first ?? "" {
            case "drop" where value == nil && action == nil: action = .drop
            case "delay" where action == nil:
                guard let value, let span = Self.span(value) else { throw wrong(part, "needs a span as 250us, 2ms or 1s") }
                action = .delay(span)
            case "coalesce" where action == nil: action = .coalesce(count: try number(part, value))
            case "to-firmware" where value == nil && direction == nil: direction = .toFirmware
            case "to-linux" where value == nil && direction == nil: direction = .toLinux
            case "vq0" where value == nil && ring == nil: ring = 0
            case "vq1" where value == nil && ring == nil: ring = 1
            case "first" where selection == nil: selection = .first(try number(part, value))
            case "nth" where selection == nil: selection = .number(try number(part, value))
            case "every" where selection == nil: selection = .every(try number(part, value))
            case "one-in" where selection == nil: selection = .random(oneIn: try number(part, value), seed: 1)
            case "seed" where seed == nil: seed = try number(part, value)
            default:
                throw wrong(part, "is not, or not again, one of drop, delay=, coalesce=, to-firmware, to-linux, vq0, vq1, first=, nth=, every=, one-in=, seed=")
            }
        }
        guard let action else { throw wrong(text, "lacks what happens: drop, delay= or coalesce=") }
        guard let direction else { throw wrong(text, "lacks the direction: to-firmware or to-linux") }
        if let seed {
            guard case .random(let oneIn, _) = selection else { throw wrong("seed", "goes with one-in=") }
            selection = .random(oneIn: oneIn, seed: seed)
        }
        self.init(action, direction, ring: ring, selection ?? .all)
    }

    private static func span(_ text: Substring) -> VirtualTime? {
        for (unit, nanoseconds) in [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)] as [(String, UInt64)] where text.hasSuffix(unit) {
            guard let count = UInt64(text.dropLast(unit.count)) else { continue }
            let (product, overflow) = count.multipliedReportingOverflow(by: nanoseconds)
            return overflow || product == .max ? nil : VirtualTime(nanoseconds: product)
        }
        return nil
    }
}
