// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import RprocHost

/// Why something cannot be served, in one sentence that names the path.
public struct DeviceFilesError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }

    /// The system's reason, read at once.
    static func system(_ what: String, _ number: Int32 = errno) -> DeviceFilesError {
        DeviceFilesError("\(what): \(String(cString: strerror(number)))")
    }
}

extension Errno {
    /// As a system call can return it: what is internal to the kernel is EINTR there.
    public var userNumber: Int32 { rawValue < 512 ? rawValue : Errno.interrupted.rawValue }
}
