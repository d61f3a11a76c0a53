// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Where `table_ptr` points.
enum TableLocation: Equatable, Sendable {
    case none
    /// The kernel's own copy.
    case cached
    /// The firmware's table in the M4's memory.
    case memory(PhysicalAddress)
}

/// The resource table as the kernel has it: `table_ptr`, the size of what it points to, and the copies that are kept.
final class TableMemory {
    /// Bytes of a table that are looked at, at most; a real one has a few hundred.
    static let limit = 64 * 1024
    /// What the driver maps where the table is (RSC_TBL_SIZE) when it attaches: firmware reserves as much.
    static let attachedSize = 1024

    struct State: Equatable, Sendable {
        var location = TableLocation.none
        /// Bytes of the table, wherever it is.
        var size = 0
        var cached: [UInt8]?
        /// The table as the first boot's image brought it.
        var built: [UInt8]?
        /// As the firmware had it before the host attached; written back by detach.
        var clean: [UInt8]?
    }
    var state = State()
    private(set) var location: TableLocation { get { state.location } set { state.location = newValue } }
    private var size: Int { get { state.size } set { state.size = newValue } }
    private var cached: [UInt8]? { get { state.cached } set { state.cached = newValue } }
    private var built: [UInt8]? { get { state.built } set { state.built = newValue } }
    private var clean: [UInt8]? { get { state.clean } set { state.clean = newValue } }
    private let kernel: KernelContext

    init(_ kernel: KernelContext) { self.kernel = kernel }

    /// Whether the kernel has a copy of its own, which goes to wherever the next image's table is.
    var hasCopy: Bool { cached != nil }
    /// Copies and the table itself, for `HeldResources`.
    var held: Int { [cached, clean, built].count { $0 != nil } + (location == .none ? 0 : 1) }

    // MARK: Access

    /// The table as `table_ptr` shows it now; nil when there is none.
    func bytes() -> [UInt8]? {
        switch location {
        case .none: return nil
        case .cached: return cached
        case .memory(let address):
            do throws(Errno) { return try read("reading the resource table", address, size) } catch { return nil }
        }
    }

    /// Stores to the table, wherever it is; outside its bytes nothing is stored.
    func store<T: FixedWidthInteger>(_ value: T, at offset: Int) throws(Errno) {
        guard offset >= 0, offset + T.bitWidth / 8 <= size else { return }
        switch location {
        case .none: break
        case .cached: state.cached?.storeLittleEndian(value, at: offset)
        case .memory(let address):
            try kernel.onBus("writing the resource table") { () throws(BusError) in
                try kernel.bus.store(value, address.advanced(UInt32(truncatingIfNeeded: offset)))
            }
        }
    }

    func load<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type, at offset: Int) throws(Errno) -> T {
        guard offset >= 0, offset + T.bitWidth / 8 <= size else { return 0 }
        switch location {
        case .none: return 0
        case .cached: return cached?.littleEndian(at: offset) ?? 0
        case .memory(let address):
            return try kernel.onBus("reading the resource table") { () throws(BusError) in
                try kernel.bus.load(T.self, address.advanced(UInt32(truncatingIfNeeded: offset)))
            }
        }
    }

    private func read(_ what: String, _ address: PhysicalAddress, _ count: Int) throws(Errno) -> [UInt8] {
        try kernel.onBus(what) { () throws(BusError) in try kernel.bus.readBytes(address, count: count) }
    }

    // MARK: A boot

    /// The ELF's section becomes the kernel's copy.
    func useCopy(_ bytes: [UInt8]) {
        (cached, size, location) = (bytes, bytes.count, .cached)
    }

    /// The table that the TA has loaded, copied.
    func useCopy(of range: PhysicalRange) throws(Errno) {
        size = min(Int(range.size), Self.limit)
        cached = try read("reading the resource table", range.start, size)
        location = .cached
    }

    /// The table that the TA has loaded, in place.
    func useInPlace(_ range: PhysicalRange) {
        (size, location) = (min(Int(range.size), Self.limit), .memory(range.start))
    }

    /// What the first image has brought is what later ones are compared with.
    func keepAsBuilt() { built = bytes() }

    /// Recovery reads the file again, but not its table: the first boot's goes to the new one's place.
    func compareWithBuilt(_ table: [UInt8]) {
        guard let built, cached != nil, table != built else { return }
        kernel.findings.report(.staleCachedTable(cachedSize: built.count, imageSize: table.count))
    }

    /// The same of a table in the M4's memory; nothing is read when there is nothing to compare with.
    func compareWithBuilt(_ range: PhysicalRange) throws(Errno) {
        guard hasCopy else { return }
        compareWithBuilt(try read("reading the resource table", range.start, min(Int(range.size), Self.limit)))
    }

    /// The loaded firmware's table gets the kernel's copy, if there is one, and is the table from now on.
    func place(at address: PhysicalAddress) throws(Errno) {
        if let cached { try kernel.onBus("writing the resource table") { () throws(BusError) in try kernel.bus.writeBytes(address, cached) } }
        location = .memory(address)
    }

    /// After a start that failed.
    func returnToCopy() { location = .cached }

    /// `rproc_reset_rsc_table_on_stop`: from here on the table's changes are not for the firmware.
    func leaveFirmware() throws(Errno) {
        if cached == nil, case .memory(let address) = location {
            cached = try read("copying the resource table", address, size)
            clean = nil
        }
        location = cached == nil ? .none : .cached
    }

    func forget() {
        (cached, clean, built) = (nil, nil, nil)
        (location, size) = (.none, 0)
    }

    // MARK: Attaching

    /// `rproc_set_rsc_table`: the running firmware's table is worked on in place.
    /// - Parameter keepsClean: only who can detach needs an untouched copy.
    func useLive(at address: PhysicalAddress, keepsClean: Bool) throws(Errno) {
        let bytes = try read("reading the resource table", address, Self.attachedSize)
        (clean, cached, built) = (keepsClean ? bytes : nil, nil, bytes)
        (location, size) = (.memory(address), Self.attachedSize)
    }

    /// `rproc_reset_rsc_table_on_detach`: the host goes on with a copy; the firmware's table, and whatever lies in the KiB with it,
    /// becomes what it was at the attach.
    func restoreLive() throws(Errno) {
        guard case .memory(let address) = location, let clean else { return }
        let live = try read("copying the resource table", address, size)
        noteOverwrittenBytes(live: live, clean: clean)
        try kernel.onBus("writing back the resource table") { () throws(BusError) in try kernel.bus.writeBytes(address, clean) }
        (cached, location) = (live, .cached)
        self.clean = nil
    }

    private func noteOverwrittenBytes(live: [UInt8], clean: [UInt8]) {
        guard let size = ResourceTable(live)?.extent, size < live.count else { return }
        if let first = (size..<live.count).first(where: { live[$0] != clean[$0] }) {
            kernel.findings.report(.detachOverwrites(firstOffset: first, tableSize: size))
        }
    }
}
