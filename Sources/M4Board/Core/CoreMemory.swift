import CUnicorn

/// The core's own memory accesses (stacking, vectors): RAM directly, registers through the board.
protocol CoreBus: AnyObject {
    /// Words of peripherals and the private peripheral bus; nil where nothing answers.
    func readWord(_ address: UInt32) -> UInt32?
    /// False where nothing answers.
    func writeWord(_ address: UInt32, _ value: UInt32) -> Bool
}

extension Engine {
    /// The host's bytes of `count` bytes of RAM at device address `address`; nil when they are not all in one bank.
    @inline(__always)
    func memory(_ address: UInt32, count: UInt32) -> UnsafeMutablePointer<UInt8>? {
        guard let region = m4_engine_region(raw, address), let host = region.pointee.host else { return nil }
        let offset = address &- region.pointee.start
        guard count <= region.pointee.size, offset <= region.pointee.size &- count else { return nil }
        return host + Int(offset)
    }
}
