import MachineBase

/// Where `table_ptr` points.
enum TableLocation: Equatable {
    case none
    /// The kernel's own copy, `cachedTable`.
    case cached
    /// The firmware's table in the M4's memory.
    case memory(PhysicalAddress)
}

extension RemoteProcessor {
    /// The table as `table_ptr` shows it now; nil when there is none.
    public var resourceTable: ResourceTable? { tableBytes().flatMap { ResourceTable($0) } }

    /// Bytes of a table that are looked at, at most; a real one has a few hundred.
    static let tableLimit = 64 * 1024

    func tableBytes() -> [UInt8]? {
        switch table {
        case .none: return nil
        case .cached: return cachedTable
        case .memory(let address):
            do throws(Errno) {
                return try onBus("reading the resource table") { () throws(BusError) in
                    try bus.readBytes(address, count: tableSize)
                }
            } catch { return nil }
        }
    }

    /// Stores to the table, wherever it is; outside its bytes nothing is stored.
    func storeInTable<T: FixedWidthInteger>(_ value: T, at offset: Int) throws(Errno) {
        guard offset >= 0, offset + T.bitWidth / 8 <= tableSize else { return }
        switch table {
        case .none: break
        case .cached: cachedTable?.storeLittleEndian(value, at: offset)
        case .memory(let address):
            try onBus("writing the resource table") { () throws(BusError) in
                try bus.store(value, address.advanced(UInt32(truncatingIfNeeded: offset)))
            }
        }
    }

    func loadFromTable<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type, at offset: Int) throws(Errno) -> T {
        guard offset >= 0, offset + T.bitWidth / 8 <= tableSize else { return 0 }
        switch table {
        case .none: return 0
        case .cached: return cachedTable?.littleEndian(at: offset) ?? 0
        case .memory(let address):
            return try onBus("reading the resource table") { () throws(BusError) in
                try bus.load(T.self, address.advanced(UInt32(truncatingIfNeeded: offset)))
            }
        }
    }
}
