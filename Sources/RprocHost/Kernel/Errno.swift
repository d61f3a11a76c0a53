// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// An error as the kernel returns it to user space or to a caller in the kernel.
///
/// The raw value is the positive errno number of Linux on Arm; log lines print its negative.
public enum Errno: Int32, Error, Sendable, CaseIterable, CustomStringConvertible {
    /// No error but RSC_IGNORED, a positive 1 that remoteproc returns to the writer as a count: where the table's last entry is a vendor's.
    case resourceIgnored = -1
    case noEntry = 2
    case interrupted = 4
    case io = 5
    case noDeviceOrAddress = 6
    case again = 11
    case noMemory = 12
    case accessDenied = 13
    case fault = 14
    case busy = 16
    case noDevice = 19
    case invalid = 22
    case fileTooBig = 27
    case noSpace = 28
    case brokenPipe = 32
    case outOfRange = 34
    case deadlock = 35
    case timerExpired = 62
    case overflow = 75
    case messageSize = 90
    case notSupported = 95
    case netReset = 102
    case noBuffers = 105
    case timedOut = 110
    /// Internal to the kernel; user space sees it as 512 when no signal is pending.
    case restartSystemCall = 512
    case probeDefer = 517

    /// What kernel log lines print: `-22`.
    public var negative: Int32 { -rawValue }

    /// The field's name of it: `EINVAL`.
    public var name: String {
        switch self {
        case .resourceIgnored: "RSC_IGNORED"
        case .noEntry: "ENOENT"
        case .interrupted: "EINTR"
        case .io: "EIO"
        case .noDeviceOrAddress: "ENXIO"
        case .again: "EAGAIN"
        case .noMemory: "ENOMEM"
        case .accessDenied: "EACCES"
        case .fault: "EFAULT"
        case .busy: "EBUSY"
        case .noDevice: "ENODEV"
        case .invalid: "EINVAL"
        case .fileTooBig: "EFBIG"
        case .noSpace: "ENOSPC"
        case .brokenPipe: "EPIPE"
        case .outOfRange: "ERANGE"
        case .deadlock: "EDEADLK"
        case .timerExpired: "ETIME"
        case .overflow: "EOVERFLOW"
        case .messageSize: "EMSGSIZE"
        case .notSupported: "EOPNOTSUPP"
        case .netReset: "ENETRESET"
        case .noBuffers: "ENOBUFS"
        case .timedOut: "ETIMEDOUT"
        case .restartSystemCall: "ERESTARTSYS"
        case .probeDefer: "EPROBE_DEFER"
        }
    }

    public var description: String { "\(name) (\(negative))" }
}
