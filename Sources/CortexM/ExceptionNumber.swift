/// An exception's number, as IPSR and the vector table have it. Source: ARMv7-M ARM, B1.5.2.
public struct ExceptionNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let value: Int
    @inlinable public init(_ value: Int) { self.value = value }
    /// Interrupt `irq` of the NVIC.
    @inlinable public static func interrupt(_ irq: Int) -> ExceptionNumber { ExceptionNumber(16 + irq) }
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }

    public static let reset = ExceptionNumber(1)
    public static let nmi = ExceptionNumber(2)
    public static let hardFault = ExceptionNumber(3)
    public static let memManage = ExceptionNumber(4)
    public static let busFault = ExceptionNumber(5)
    public static let usageFault = ExceptionNumber(6)
    public static let svCall = ExceptionNumber(11)
    public static let debugMonitor = ExceptionNumber(12)
    public static let pendSV = ExceptionNumber(14)
    public static let sysTick = ExceptionNumber(15)

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
