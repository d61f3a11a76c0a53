/// Counts the M4's loads from registers of the SoC in thread mode, when asked to: what a loop waits for, and not what handlers look at.
public final class RegisterReads {
    public struct Reads: Equatable, Sendable {
        public var count: UInt64 = 0
        /// What the last load gave.
        public var value: UInt32
        /// Whether all gave the same.
        public var isConstant = true
    }
    /// By the address that was loaded from; bounded, since a guest chooses them.
    public private(set) var counts: [UInt32: Reads] = [:]
    private static let limit = 4096
    // Looked at on each access: not a property, which would be checked for exclusivity.
    private let flag = UnsafeMutablePointer<Bool>.allocate(capacity: 1)

    init() { flag.initialize(to: false) }
    deinit { flag.deallocate() }

    @inline(__always) var isOn: Bool { flag.pointee }

    /// Begins anew.
    public func begin() {
        counts = [:]
        flag.pointee = true
    }
    public func end() { flag.pointee = false }

    @inline(never) func note(_ address: UInt32, _ value: UInt32) {
        guard var reads = counts[address] else {
            if counts.count < Self.limit { counts[address] = Reads(count: 1, value: value) }
            return
        }
        reads.count &+= 1
        if reads.value != value { reads.isConstant = false }
        reads.value = value
        counts[address] = reads
    }
}
