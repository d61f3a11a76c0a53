import MachineBase

/// The inter-processor mailbox with both processors' registers and the interrupt lines they drive.
///
/// Source: RM0436 IPCC. Offsets from 0x4C001000: processor 1 (A7) at 0x00, processor 2 (M4) at 0x10.
public final class InMemoryIPCC {
    public struct Lines: OptionSet, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }
        public static let hostReceive = Lines(rawValue: 1), hostTransmitFree = Lines(rawValue: 2)
        public static let remoteReceive = Lines(rawValue: 4), remoteTransmitFree = Lines(rawValue: 8)
    }

    /// Channels that the A7 has filled and the M4 has not freed: C1TOC2SR.
    public private(set) var hostToRemote: UInt32 = 0
    /// C2TOC1SR.
    public private(set) var remoteToHost: UInt32 = 0
    private var control: [UInt32] = [0, 0]
    private var masks: [UInt32] = [0xFFFF_FFFF, 0xFFFF_FFFF]
    private var lines: Lines = []

    func read(_ address: PhysicalAddress) -> UInt32? {
        guard address >= IPCCDriver.base, address.value < IPCCDriver.base.value + 0x400 else { return nil }
        switch address.value - IPCCDriver.base.value {
        case 0x00: return control[0]
        case 0x04: return masks[0]
        case 0x0C: return hostToRemote
        case 0x10: return control[1]
        case 0x14: return masks[1]
        case 0x1C: return remoteToHost
        case 0x3F0: return 0x0000_0006
        case 0x3F4: return 0x0000_0010
        default: return 0
        }
    }

    /// False when the address is not the IPCC's.
    func write(_ address: PhysicalAddress, _ value: UInt32) -> Bool {
        guard address >= IPCCDriver.base, address.value < IPCCDriver.base.value + 0x400 else { return false }
        switch address.value - IPCCDriver.base.value {
        case 0x00: control[0] = value
        case 0x04: masks[0] = value
        case 0x08:
            remoteToHost &= ~(value & 0x3F)
            hostToRemote |= value >> 16 & 0x3F
        case 0x10: control[1] = value
        case 0x14: masks[1] = value
        case 0x18:
            hostToRemote &= ~(value & 0x3F)
            remoteToHost |= value >> 16 & 0x3F
        default: break
        }
        return true
    }

    private var level: Lines {
        func receive(_ status: UInt32, _ side: Int) -> Bool { control[side] & 1 != 0 && status & ~masks[side] & 0x3F != 0 }
        func free(_ status: UInt32, _ side: Int) -> Bool { control[side] & 1 << 16 != 0 && ~status & ~(masks[side] >> 16) & 0x3F != 0 }
        var lines: Lines = []
        if receive(remoteToHost, 0) { lines.insert(.hostReceive) }
        if free(hostToRemote, 0) { lines.insert(.hostTransmitFree) }
        if receive(hostToRemote, 1) { lines.insert(.remoteReceive) }
        if free(remoteToHost, 1) { lines.insert(.remoteTransmitFree) }
        return lines
    }

    /// Lines that rose since the last call.
    func takeRisingEdges() -> Lines {
        let level = level
        defer { lines = level }
        return level.subtracting(lines)
    }
}
