// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// rpmsg's formats in memory: little-endian. Source: Linux `virtio_rpmsg_bus.c`, `rpmsg/ns.h`.
public enum Rpmsg {
    /// src u32, dst u32, reserved u32, len u16, flags u16.
    public static let headerSize = 16
    /// Linux's buffers, header included.
    public static let bufferSize = 512
    /// Bytes of payload in one message.
    public static let maximumPayload = bufferSize - headerSize
    public static let anyAddress: UInt32 = 0xFFFF_FFFF
    public static let nameServiceAddress: UInt32 = 53
    /// name[32], addr u32, flags u32.
    public static let announcementSize = 40
    static let nameSize = 32
    /// Addresses below are for services with a fixed one.
    static let firstDynamicAddress: UInt32 = 1024
    /// Linux never has more buffers than this, both ways together.
    static let maximumBuffers: UInt32 = 512
    /// A bound of this host, where the kernel has none.
    static let maximumChannels = 4096
}

/// One message as it crossed the shared memory. Borrowed: the payload is gone when the call returns.
public struct RpmsgMessage {
    public enum Direction: Sendable { case fromFirmware, toFirmware }
    /// What became of it.
    public enum Outcome: Sendable {
        case delivered
        /// No endpoint has the destination address.
        case noRecipient
    }
    public var direction: Direction
    public var outcome: Outcome
    public var time: VirtualTime
    public var source, destination: UInt32
    public var flags: UInt16
    /// Index of the ring's descriptor that carried it.
    public var descriptor: UInt16
    public var payload: UnsafeRawBufferPointer
}

/// Sees messages: a capture, a trace, a statistic.
public protocol RpmsgObserver: AnyObject {
    /// `message.payload` must not be kept.
    func observe(_ message: borrowing RpmsgMessage)
}
