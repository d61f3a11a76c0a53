// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// An exception's number, as IPSR and the vector table have it. Source: ARMv7-M ARM, B1.5.2.
public struct ExceptionNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let value: Int
    @inlinable public init(_ value: Int) { self.value = value }
    /// Interrupt `irq` of the NVIC.
    @inlinable public static func interrupt(_ irq: Int) -> ExceptionNumber { ExceptionNumber(16 + irq) }
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }

    @inlinable public static var reset: ExceptionNumber { ExceptionNumber(1) }
    @inlinable public static var nmi: ExceptionNumber { ExceptionNumber(2) }
    @inlinable public static var hardFault: ExceptionNumber { ExceptionNumber(3) }
    @inlinable public static var memManage: ExceptionNumber { ExceptionNumber(4) }
    @inlinable public static var busFault: ExceptionNumber { ExceptionNumber(5) }
    @inlinable public static var usageFault: ExceptionNumber { ExceptionNumber(6) }
    @inlinable public static var svCall: ExceptionNumber { ExceptionNumber(11) }
    @inlinable public static var debugMonitor: ExceptionNumber { ExceptionNumber(12) }
    @inlinable public static var pendSV: ExceptionNumber { ExceptionNumber(14) }
    @inlinable public static var sysTick: ExceptionNumber { ExceptionNumber(15) }

    public var isFault: Bool { (3...6).contains(value) }

    public var description: String {
        switch value {
        case 0: "Thread"
        case 1: "Reset"
        case 2: "NMI"
        case 3: "HardFault"
        case 4: "MemManage"
        case 5: "BusFault"
        case 6: "UsageFault"
        case 11: "SVCall"
        case 12: "DebugMonitor"
        case 14: "PendSV"
        case 15: "SysTick"
        case 16...: "IRQ\(value - 16)"
        default: "Reserved\(value)"
        }
    }
}
