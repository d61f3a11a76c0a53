import MachineBase

/// The vdev entry of the live resource table: Linux's, once the driver is bound.
struct TableCheck {
    private unowned let sanitizer: RpmsgSanitizer
    private let start: PhysicalAddress
    private var expected: [UInt8]
    private var seen: [UInt8]

    /// nil when the table is not in the firmware's memory.
    init?(_ sanitizer: RpmsgSanitizer, _ device: RemoteVirtioDevice) {
        guard case .memory(let table) = sanitizer.processor.table else { return nil }
        self.sanitizer = sanitizer
        start = table.advanced(UInt32(truncatingIfNeeded: device.offset))
        let size = VdevResource.size + VringResource.size * device.vrings.count
        guard let bytes = try? sanitizer.processor.bus.readBytes(start, count: size) else { return nil }
        expected = bytes
        seen = bytes
    }

    mutating func check() {
        let isRead: Bool = seen.withUnsafeMutableBytes { (try? sanitizer.processor.bus.read(start, into: $0)) != nil }
        guard isRead, seen != expected else { return }
        var offset = 0
        while offset < seen.count {
            let (field, size) = Self.field(at: offset)
            let end = min(seen.count, offset + size)
            if seen[offset..<end] != expected[offset..<end] {
                sanitizer.report(
                    .tableRewritten(
                        sanitizer.evidence("table", field, start.advanced(UInt32(offset)), seen[offset..<end]), expected: Array(expected[offset..<end])))
            }
            offset = end
        }
        expected = seen
    }

    /// Of a vdev entry behind its type.
    private static func field(at offset: Int) -> (String, Int) {
        switch offset {
        case 0: ("vdev.id", 4)
        case 4: ("vdev.notifyid", 4)
        case 8: ("vdev.dfeatures", 4)
        case 12: ("vdev.gfeatures", 4)
        case 16: ("vdev.config_len", 4)
        case 20: ("vdev.status", 1)
        case 21: ("vdev.num_of_vrings", 1)
        case 22: ("vdev.reserved", 2)
        default:
            ("vring[\((offset - 24) / 20)]." + ["da", "align", "num", "notifyid", "pa"][(offset - 24) % 20 / 4], 4)
        }
    }
}
