// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// `/dev/remoteprocN` as a program has it open: the program's, and no part of a state. Source: Linux `remoteproc_cdev.c`.
public final class RemoteprocCharacterDevice {
    /// RPROC_SET_SHUTDOWN_ON_RELEASE
    public static let setShutdownOnRelease: UInt32 = 0x4004_B701
    /// RPROC_GET_SHUTDOWN_ON_RELEASE
    public static let getShutdownOnRelease: UInt32 = 0x8004_B702
    /// Bytes that a write may have, at most.
    public static let longestCommand = 10

    private let processor: RemoteProcessor
    private var isOpen = true

    init(_ processor: RemoteProcessor) { self.processor = processor }

    /// `write`: `start`, `stop` or `detach`, or the beginning of one; no newline.
    /// - Throws: `invalid` for anything else, or what the action returns.
    public func write(_ bytes: [UInt8]) throws(Errno) {
        guard isOpen, !bytes.isEmpty, bytes.count <= Self.longestCommand else { throw .invalid }
        if isPrefix(bytes, of: "start") { return try Errno.from { () throws(LinuxFailure) in try processor.boot() } }
        if isPrefix(bytes, of: "stop") { return try Errno.from { () throws(LinuxFailure) in try processor.stop() } }
        if isPrefix(bytes, of: "detach") { return try Errno.from { () throws(LinuxFailure) in try processor.detach() } }
        processor.kernel.error("Unrecognized option")
        throw .invalid
    }

    public func write(_ text: String) throws(Errno) { try write(Array(text.utf8)) }

    /// `ioctl` with an `s32`: sets the flag to whether `argument` is not 0, or returns it.
    /// - Throws: `invalid` for another request.
    public func ioctl(_ request: UInt32, _ argument: Int32 = 0) throws(Errno) -> Int32 {
        switch request {
        case Self.setShutdownOnRelease:
            processor.stopsOnRelease = argument != 0
            return 0
        case Self.getShutdownOnRelease: return processor.stopsOnRelease ? 1 : 0
        default:
            processor.kernel.error("Unsupported ioctl")
            throw .invalid
        }
    }

    /// `close`: with the flag set a running core is stopped, an attached one let go; what that returns is lost.
    public func release() {
        guard isOpen else { return }
        isOpen = false
        guard processor.stopsOnRelease else { return }
        do throws(LinuxFailure) {
            switch processor.state {
            case .running: try processor.stop()
            case .attached: try processor.detach()
            default: break
            }
        } catch {}
    }
}

extension RemoteProcessor {
    /// Opens `/dev/remoteprocN`.
    /// - Throws: `noDeviceOrAddress` when the device is gone.
    public func openCharacterDevice() throws(Errno) -> RemoteprocCharacterDevice {
        guard state != .deleted else { throw .noDeviceOrAddress }
        return RemoteprocCharacterDevice(self)
    }
}

/// `strncmp(bytes, word, bytes.count) == 0`: a NUL in `bytes` where `word` ends is its end.
func isPrefix(_ bytes: [UInt8], of word: String) -> Bool {
    let terminated = Array(word.utf8) + [0]
    let text = bytes.prefix { $0 != 0 }
    if text.count < bytes.count { return Array(text) == Array(word.utf8) }
    return terminated.starts(with: bytes)
}
