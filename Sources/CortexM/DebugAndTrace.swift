/// DWT's cycle counter, ITM's stimulus ports and DEMCR: what firmware itself uses of the debug hardware.
/// Source: ARMv7-M ARM, C1.6 to C1.8.
public struct DebugAndTrace {
    var exceptionMonitor: UInt32 = 0  // DEMCR
    private var dwtControl: UInt32 = 0x4000_0000  // four comparators
    private var cycleBase: UInt64 = 0
    private var frozenCycles: UInt32 = 0
    private var comparators = [UInt32](repeating: 0, count: 16)
    private var traceEnable: UInt32 = 0
    private var traceControl: UInt32 = 0
    private var tracePrivilege: UInt32 = 0
    /// Gets what firmware writes to an enabled stimulus port: port, value, size in bytes.
    public var onStimulus: ((_ port: Int, _ value: UInt32, _ size: Int) -> Void)?

    /// Groups of eight stimulus ports that unprivileged code may use: ITM_TPR inverted.
    public var unprivilegedPorts: UInt32 { ~tracePrivilege & 15 }

    init() {}
    mutating func reset() { let sink = onStimulus; self = DebugAndTrace(); onStimulus = sink }

    private var counting: Bool { dwtControl & 1 != 0 && exceptionMonitor & 1 << 24 != 0 }
    func cycleCount(_ now: UInt64) -> UInt32 {
        counting ? UInt32(truncatingIfNeeded: now &- cycleBase) : frozenCycles
    }

    mutating func setExceptionMonitor(_ value: UInt32, now: UInt64) {
        keepingCount(now) { $0.exceptionMonitor = value & 0x010F_07F1 }
    }

    /// Starts and stops the counter around a change without losing what it holds.
    private mutating func keepingCount(_ now: UInt64, _ change: (inout DebugAndTrace) -> Void) {
        let count = cycleCount(now)
        change(&self)
        frozenCycles = count
        cycleBase = now &- UInt64(count)
    }

    /// `offset` from 0xE0001000.
    func readDWT(_ offset: UInt32, now: UInt64) -> UInt32 {
        switch offset {
        case 0x000: dwtControl
        case 0x004: cycleCount(now)
        case 0x020..<0x060: comparators[Int(offset - 0x20) >> 2]
        default: 0
        }
    }
    mutating func writeDWT(_ offset: UInt32, _ value: UInt32, now: UInt64) {
        switch offset {
        case 0x000: keepingCount(now) { $0.dwtControl = 0x4000_0000 | value & 0x007F_1FFF }
        case 0x004: frozenCycles = value; cycleBase = now &- UInt64(value)
        case 0x020..<0x060: comparators[Int(offset - 0x20) >> 2] = value
        default: break
        }
    }

    private func isOpen(_ port: Int) -> Bool { traceControl & 1 != 0 && traceEnable & 1 << UInt32(port & 31) != 0 }

    /// `offset` from 0xE0000000. A stimulus port reads 1: its FIFO is never full.
    func readITM(_ offset: UInt32) -> UInt32 {
        switch offset {
        case 0x000..<0x080: isOpen(Int(offset >> 2)) ? 1 : 0
        case 0xE00: traceEnable
        case 0xE40: tracePrivilege
        case 0xE80: traceControl
        case 0xFB4: 0b001  // lock implemented, open
        default: 0
        }
    }
    mutating func writeITM(_ offset: UInt32, _ value: UInt32, size: UInt32) {
        switch offset {
        case 0x000..<0x080:
            let port = Int(offset >> 2)
            if isOpen(port) { onStimulus?(port, value, Int(size)) }
        case 0xE00: traceEnable = value
        case 0xE40: tracePrivilege = value & 15
        case 0xE80: traceControl = value & 0x007F_0F1F
        default: break
        }
    }
}
