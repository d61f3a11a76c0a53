// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase
import RprocHost

/// The inter-processor mailbox with both processors' registers and the interrupt lines they drive.
///
/// Source: RM0436 IPCC. Processor 1 is Linux's, processor 2 the firmware's.
public final class InMemoryIPCC {
    public struct Lines: OptionSet, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }
        public static let hostReceive = Lines(rawValue: 1), hostTransmitFree = Lines(rawValue: 2)
        public static let remoteReceive = Lines(rawValue: 4), remoteTransmitFree = Lines(rawValue: 8)
    }

    /// Its registers.
    struct State {
        var hostToRemote: UInt32 = 0
        var remoteToHost: UInt32 = 0
        var control: (host: UInt32, remote: UInt32) = (0, 0)
        var masks: (host: UInt32, remote: UInt32) = (0xFFFF_FFFF, 0xFFFF_FFFF)
        fileprivate var causes = Causes()
    }
    var state = State()
    /// Channels that the A7 has filled and the M4 has not freed: C1TOC2SR.
    public private(set) var hostToRemote: UInt32 { get { state.hostToRemote } set { state.hostToRemote = newValue } }
    /// C2TOC1SR.
    public private(set) var remoteToHost: UInt32 { get { state.remoteToHost } set { state.remoteToHost = newValue } }
    private var control: (host: UInt32, remote: UInt32) { get { state.control } set { state.control = newValue } }
    private var masks: (host: UInt32, remote: UInt32) { get { state.masks } set { state.masks = newValue } }
    private var causes: Causes { get { state.causes } set { state.causes = newValue } }

    private let mailbox: Mailbox
    private var channels: UInt32 { mailbox.channelMask }

    public init(_ mailbox: Mailbox) { self.mailbox = mailbox }

    func read(_ address: PhysicalAddress) -> UInt32? {
        guard mailbox.contains(address.value) else { return nil }
        let offsets = mailbox.offsets
        switch address.value - mailbox.base.value {
        case offsets.c1CR: return control.host
        case offsets.c1MR: return masks.host
        case offsets.c1ToC2SR: return hostToRemote
        case offsets.c2CR: return control.remote
        case offsets.c2MR: return masks.remote
        case offsets.c2ToC1SR: return remoteToHost
        case offsets.hwcfgr: return UInt32(mailbox.channelCount)
        case offsets.verr: return mailbox.version
        default: return 0
        }
    }

    /// False when the address is not the IPCC's.
    func write(_ address: PhysicalAddress, _ value: UInt32) -> Bool {
        guard mailbox.contains(address.value) else { return false }
        let offsets = mailbox.offsets
        switch address.value - mailbox.base.value {
        case offsets.c1CR: control.host = value
        case offsets.c1MR: masks.host = value
        case offsets.c1SCR:
            remoteToHost &= ~(value & channels)
            hostToRemote |= value >> 16 & channels
        case offsets.c2CR: control.remote = value
        case offsets.c2MR: masks.remote = value
        case offsets.c2SCR:
            hostToRemote &= ~(value & channels)
            remoteToHost |= value >> 16 & channels
        default: break
        }
        return true
    }

    /// Lines that a further channel holds up since the last call. A level that stays is thus told once for each channel:
    /// a remote that leaves one doorbell unanswered still hears the others.
    func takeRisingEdges() -> Lines {
        let now = Causes(
            hostReceive: control.host & 1 == 0 ? 0 : remoteToHost & ~masks.host & channels,
            hostTransmitFree: control.host & 1 << 16 == 0 ? 0 : ~hostToRemote & ~(masks.host >> 16) & channels,
            remoteReceive: control.remote & 1 == 0 ? 0 : hostToRemote & ~masks.remote & channels,
            remoteTransmitFree: control.remote & 1 << 16 == 0 ? 0 : ~remoteToHost & ~(masks.remote >> 16) & channels)
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
    fileprivate struct Causes {
        var hostReceive: UInt32 = 0, hostTransmitFree: UInt32 = 0, remoteReceive: UInt32 = 0, remoteTransmitFree: UInt32 = 0
    }
}
