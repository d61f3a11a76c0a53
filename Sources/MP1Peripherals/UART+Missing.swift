// What the UART model lacks (RM0436, USART: CR1, CR2, CR3).
extension UART {
    private typealias Row = MissingFeature
    private typealias Condition = MissingFeature.Condition
    private static let cr1: UInt32 = 0x00, cr2: UInt32 = 0x04, cr3: UInt32 = 0x08
    private static let ue = Condition(cr1, 1)

    static let missing: [MissingFeature] = [
        Row("LIN mode", "LINEN", Condition(cr2, 1 << 14), when: ue, waits: true, effect: "no break is sent or found"),
        Row("IrDA mode", "IREN", Condition(cr3, 1 << 1), when: ue, effect: "characters go as without it"),
        Row("half duplex", "HDSEL", Condition(cr3, 1 << 3), when: ue, effect: "sent characters are not received"),
        Row("smartcard mode", "SCEN", Condition(cr3, 1 << 5), when: ue, waits: true, effect: "no card answers"),
        Row("synchronous mode", "CLKEN", Condition(cr2, 1 << 11), when: ue, effect: "no clock goes out"),
        Row("synchronous slave mode", "SLVEN", Condition(cr2, 1), when: ue, waits: true, effect: "no clock comes"),
        Row("driver enable of RS-485", "DEM", Condition(cr3, 1 << 14), when: ue, effect: "no pin follows it"),
        Row("automatic baud rate", "ABREN", Condition(cr2, 1 << 20), when: ue, waits: true, effect: "ABRF is never set"),
        Row("wake-up from Stop", "UESM", Condition(cr1, 1 << 1), when: ue, waits: true, effect: "WUF is never set"),
        Row("mute mode", "MME", Condition(cr1, 1 << 13), when: ue, effect: "every character is received"),
        Row("character match", "CMIE", Condition(cr1, 1 << 14), when: ue, waits: true, effect: "CMF is never set"),
        Row("receiver time-out", "RTOEN", Condition(cr2, 1 << 23), when: ue, waits: true, effect: "RTOF is never set"),
        Row("hardware flow control", "RTSE", Condition(cr3, 3 << 8), when: ue, effect: "characters go whatever the lines say"),
        Row("full receive FIFO's interrupt", "RXFFIE", Condition(cr1, 1 << 31), when: ue, waits: true, effect: "RXFF is never set"),
        Row("thresholds of the FIFOs", "RXFTCFG", Condition(cr3, 7 << 25), when: ue, Condition(cr3, 1 << 28), effect: "one character is enough"),
        Row("reversed or inverted data", "MSBFIRST", Condition(cr2, 3 << 18), when: ue, effect: "characters go as without it"),
    ]
}
