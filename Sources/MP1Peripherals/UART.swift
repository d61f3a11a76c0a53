import MachineBase

/// USART and UART (RM0436 §55).
public final class UART: RegisterBlock {
    /// In the order of RM0436's names.
    public enum Instance: Int, CaseIterable, Sendable, CustomStringConvertible {
        case usart1, usart2, usart3, uart4, uart5, usart6, uart7, uart8
        public var description: String {
            switch self {
            case .usart1: "USART1"; case .usart2: "USART2"; case .usart3: "USART3"; case .uart4: "UART4"
            case .uart5: "UART5"; case .usart6: "USART6"; case .uart7: "UART7"; case .uart8: "UART8"
            }
        }
    }
}
