import M4Board
import MachineBase
import RprocHost

/// The bus as Linux has it: the board's memory and registers, without what OP-TEE keeps for the M4.
final class NormalWorldBus: NonSecureBus {
    let board: M4Board
    /// Ranges that are out of reach, folded to one address of each memory; see `SecureWorld`.
    private(set) var protected: [PhysicalRange] = []
    private var owner = ""
    /// Refused accesses since the start.
    private(set) var refusals: UInt64 = 0

    init(board: M4Board) { self.board = board }

    func protect(_ ranges: [PhysicalRange], owner: String) {
        protected = ranges.map(Self.folded)
        self.owner = owner
    }

    /// MCUSRAM answers at 0x10000000 and 0x30000000: one memory, one protection.
    static func folded(_ range: PhysicalRange) -> PhysicalRange {
        let alias: UInt32 = 0x3000_0000
        guard range.start.value &- alias < 0x6_0000 else { return range }
        return PhysicalRange(start: PhysicalAddress(range.start.value &- 0x2000_0000), size: range.size)
    }

    @inline(__always)
    private func check(_ address: PhysicalAddress, _ count: Int, isWrite: Bool) throws(BusError) {
        guard !protected.isEmpty else { return }
        let wanted = Self.folded(PhysicalRange(start: address, size: UInt32(clamping: count)))
        for range in protected where range.overlaps(wanted) {
            refusals &+= 1
            throw BusError(address: address, count: count, isWrite: isWrite, cause: .protected(owner: owner))
        }
    }

    func read(_ address: PhysicalAddress, into buffer: UnsafeMutableRawBufferPointer) throws(BusError) {
        try check(address, buffer.count, isWrite: false)
        try board.read(address, into: buffer, secure: false)
    }

    func write(_ address: PhysicalAddress, from buffer: UnsafeRawBufferPointer) throws(BusError) {
        try check(address, buffer.count, isWrite: true)
        try board.write(address, from: buffer, secure: false)
    }

    func read32(_ address: PhysicalAddress) throws(BusError) -> UInt32 {
        try check(address, 4, isWrite: false)
        return try board.readWord(address, secure: false)
    }

    func write32(_ address: PhysicalAddress, _ value: UInt32) throws(BusError) {
        try check(address, 4, isWrite: true)
        try board.writeWord(address, value, secure: false)
    }
}
