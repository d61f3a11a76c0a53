/// The host, held without ownership and called without reference counting.
///
/// An existential that is not owned would be retained and released around every call. Here the host's type is bound once, in
/// a subclass, and what remains of a call is its dispatch. The host outlives the SoC: see `SoC.init`.
class HostPort {
    var nowCycles: UInt64 { 0 }
    func setInterrupt(_ irq: Int, level: Bool) {}
    func setApplicationProcessorInterrupt(_ line: ApplicationProcessorInterrupt, level: Bool) {}
    func holdBootChanged(released: Bool) {}
    func resetRequested(_ request: ResetRequest) {}
    func watchdogReset() {}
    func eventSignalled() {}
    func dmaRead(_ address: UInt32, width: Int) -> UInt32? { nil }
    func dmaWrite(_ address: UInt32, _ value: UInt32, width: Int) -> Bool { false }
    func unmodelledAccess(_ access: UnmodelledAccess) {}
    func unsupportedFeature(_ feature: UnsupportedFeature) {}
    func gpioOutputsChanged(_ port: GPIO.Port, levels: UInt16, changed: UInt16) {}
    func uartTransmitted(_ uart: UART.Instance, _ character: UInt16) {}
}

final class BoundHostPort<Host: SoCHost>: HostPort {
    private let host: Unmanaged<Host>

    init(_ host: Host) { self.host = Unmanaged.passUnretained(host) }

    override var nowCycles: UInt64 { host._withUnsafeGuaranteedRef { $0.nowCycles } }
    override func setInterrupt(_ irq: Int, level: Bool) {
        host._withUnsafeGuaranteedRef { $0.setInterrupt(irq, level: level) }
    }
    override func setApplicationProcessorInterrupt(_ line: ApplicationProcessorInterrupt, level: Bool) {
        host._withUnsafeGuaranteedRef { $0.setApplicationProcessorInterrupt(line, level: level) }
    }
    override func holdBootChanged(released: Bool) {
        host._withUnsafeGuaranteedRef { $0.holdBootChanged(released: released) }
    }
    override func resetRequested(_ request: ResetRequest) { host._withUnsafeGuaranteedRef { $0.resetRequested(request) } }
    override func watchdogReset() { host._withUnsafeGuaranteedRef { $0.watchdogReset() } }
    override func eventSignalled() { host._withUnsafeGuaranteedRef { $0.eventSignalled() } }
    override func dmaRead(_ address: UInt32, width: Int) -> UInt32? {
        host._withUnsafeGuaranteedRef { $0.dmaRead(address, width: width) }
    }
    override func dmaWrite(_ address: UInt32, _ value: UInt32, width: Int) -> Bool {
        host._withUnsafeGuaranteedRef { $0.dmaWrite(address, value, width: width) }
    }
    override func unmodelledAccess(_ access: UnmodelledAccess) {
        host._withUnsafeGuaranteedRef { $0.unmodelledAccess(access) }
    }
    override func unsupportedFeature(_ feature: UnsupportedFeature) {
        host._withUnsafeGuaranteedRef { $0.unsupportedFeature(feature) }
    }
    override func gpioOutputsChanged(_ port: GPIO.Port, levels: UInt16, changed: UInt16) {
        host._withUnsafeGuaranteedRef { $0.gpioOutputsChanged(port, levels: levels, changed: changed) }
    }
    override func uartTransmitted(_ uart: UART.Instance, _ character: UInt16) {
        host._withUnsafeGuaranteedRef { $0.uartTransmitted(uart, character) }
    }
}
