// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// An access that the interconnect or the firewall refused.
public struct BusError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Cause: Equatable, Sendable {
        /// Nothing answers there.
        case unmapped
        /// Memory that belongs to another world or core; `owner` names it.
        case protected(owner: String)
    }
    public var address: PhysicalAddress
    /// Bytes asked for.
    public var count: Int
    public var isWrite: Bool
    public var cause: Cause

    public init(address: PhysicalAddress, count: Int, isWrite: Bool, cause: Cause) {
        self.address = address; self.count = count; self.isWrite = isWrite; self.cause = cause
    }

    public var description: String {
        let what = "\(isWrite ? "write" : "read") of \(count) bytes at \(address)"
        switch cause {
        case .unmapped: return "bus error: \(what): nothing is mapped there"
        case .protected(let owner): return "bus error: \(what): protected memory of \(owner)"
        }
    }
}
