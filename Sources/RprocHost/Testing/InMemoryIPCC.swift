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
    private var control: (host: UInt32, remote: UInt32) = (0, 0)
    private var masks: (host: UInt32, remote: UInt32) = (0xFFFF_FFFF, 0xFFFF_FFFF)
    private var causes = Causes()

    func read(_ address: PhysicalAddress) -> UInt32? {
        guard address >= IPCCDriver.base, address.value < IPCCDriver.base.value + 0x400 else { return nil }
        switch address.value - IPCCDriver.base.value {
        case 0x00: return control.host
        case 0x04: return masks.host
        case 0x0C: return hostToRemote
        case 0x10: return control.remote
        case 0x14: return masks.remote
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
        case 0x00: control.host = value
        case 0x04: masks.host = value
        case 0x08:
            remoteToHost &= ~(value & 0x3F)
            hostToRemote |= value >> 16 & 0x3F
        case 0x10: control.remote = value
        case 0x14: masks.remote = value
        case 0x18:
            hostToRemote &= ~(value & 0x3F)
            remoteToHost |= value >> 16 & 0x3F
        default: break
        }
        return true
    }

    /// Lines that a further channel holds up since the last call. A level that stays is thus told once for each channel:
    /// a remote that leaves one doorbell unanswered still hears the others.
    func takeRisingEdges() -> Lines {
        let now = Causes(
            hostReceive: control.host & 1 == 0 ? 0 : remoteToHost & ~masks.host & 0x3F,
            hostTransmitFree: control.host & 1 << 16 == 0 ? 0 : ~hostToRemote & ~(masks.host >> 16) & 0x3F,
            remoteReceive: control.remote & 1 == 0 ? 0 : hostToRemote & ~masks.remote & 0x3F,
            remoteTransmitFree: control.remote & 1 << 16 == 0 ? 0 : ~remoteToHost & ~(masks.remote >> 16) & 0x3F)
        let old = causes
        causes = now
        var rising: Lines = []
        if now.hostReceive & ~old.hostReceive != 0 { rising.insert(.hostReceive) }
        if now.hostTransmitFree & ~old.hostTransmitFree != 0 { rising.insert(.hostTransmitFree) }
        if now.remoteReceive & ~old.remoteReceive != 0 { rising.insert(.remoteReceive) }
        if now.remoteTransmitFree & ~old.remoteTransmitFree != 0 { rising.insert(.remoteTransmitFree) }
        return rising
    }

    /// Channels that hold each line up: unmasked, enabled, and occupied (or free).
    private struct Causes {
        var hostReceive: UInt32 = 0, hostTransmitFree: UInt32 = 0, remoteReceive: UInt32 = 0, remoteTransmitFree: UInt32 = 0
    }
}
