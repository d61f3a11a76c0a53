// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A point in, or a span of, virtual time in nanoseconds since the machine was created.
public struct VirtualTime: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var nanoseconds: UInt64
    @inlinable public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }
    public static let zero = VirtualTime(nanoseconds: 0)
    public static let never = VirtualTime(nanoseconds: .max)
    public static func microseconds(_ n: UInt64) -> VirtualTime { VirtualTime(nanoseconds: n.multipliedSaturating(by: 1_000)) }
    public static func milliseconds(_ n: UInt64) -> VirtualTime { VirtualTime(nanoseconds: n.multipliedSaturating(by: 1_000_000)) }
    public static func seconds(_ n: UInt64) -> VirtualTime { VirtualTime(nanoseconds: n.multipliedSaturating(by: 1_000_000_000)) }
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }
    /// Saturates: time does not wrap.
    @inlinable public static func + (a: Self, b: Self) -> Self {
        let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
        return VirtualTime(nanoseconds: overflow ? .max : sum)
    }
    /// The span from `b` to `a`, zero when `a` is earlier.
    @inlinable public static func - (a: Self, b: Self) -> Self {
        VirtualTime(nanoseconds: a.nanoseconds > b.nanoseconds ? a.nanoseconds &- b.nanoseconds : 0)
    }

    /// Seconds with six decimals, as kernel log time stamps have them: `1.234567`.
    public var description: String {
        let micros = nanoseconds / 1_000
        let fraction = String(micros % 1_000_000)
        return "\(micros / 1_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
    }
}

extension UInt64 {
    @usableFromInline func multipliedSaturating(by other: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}

/// Relation of retired instructions to virtual time: one instruction is one cycle of the core clock.
public struct CoreClock: Equatable, Sendable {
    /// In hertz; at least 1.
    public let hertz: UInt64
    public init(hertz: UInt64) { self.hertz = max(1, hertz) }

    /// Nanoseconds that `cycles` cycles take, rounded down; saturates.
    @inlinable public func time(cycles: UInt64) -> VirtualTime {
        VirtualTime(nanoseconds: scale(cycles, by: 1_000_000_000, over: hertz))
    }
    /// Cycles that have begun after `time`, rounded up so that `time(cycles:)` of the result is not earlier.
    @inlinable public func cycles(until time: VirtualTime) -> UInt64 {
        if time == .never { return .max }
        let whole = scale(time.nanoseconds, by: hertz, over: 1_000_000_000)
        return self.time(cycles: whole) < time ? whole &+ 1 : whole
    }

    @usableFromInline func scale(_ n: UInt64, by factor: UInt64, over divisor: UInt64) -> UInt64 {
        let (high, low) = n.multipliedFullWidth(by: factor)
        guard high < divisor else { return .max }
        return divisor.dividingFullWidth((high, low)).quotient
    }
}
