// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Why starting, stopping or detaching failed: what the write to sysfs returns, and who is behind that.
public struct LinuxFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public var errno: Errno
    /// The TA's refusal that the kernel has made EIO of; nil for a reason of the kernel's own.
    public var cause: TEEError?
    public init(_ errno: Errno, cause: TEEError? = nil) { (self.errno, self.cause) = (errno, cause) }

    public var description: String { cause.map { "\(errno), for \($0)" } ?? "\(errno)" }

    /// Runs what fails for reasons of the kernel's own.
    static func from<R>(_ body: () throws(Errno) -> R) throws(LinuxFailure) -> R {
        do throws(Errno) { return try body() } catch { throw LinuxFailure(error) }
    }
}

extension Errno {
    /// Runs what user space learns the number of, and nothing more.
    static func from<R>(_ body: () throws(LinuxFailure) -> R) throws(Errno) -> R {
        do throws(LinuxFailure) { return try body() } catch { throw error.errno }
    }
}
