// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The vdev entry of the live resource table: Linux's, once the driver is bound.
struct TableCheck {
    private unowned let sanitizer: any CheckOwner
    private let bus: any NonSecureBus
    struct State: Equatable, Sendable {
        /// Of the vdev entry, behind its type.
        var start: PhysicalAddress
        var expected: [UInt8]
    }
    private(set) var state: State
    private var start: PhysicalAddress { state.start }
    private var expected: [UInt8] { get { state.expected } set { state.expected = newValue } }
    /// Of one look.
    private var seen: [UInt8]

    /// nil when the table is not in the firmware's memory.
    init?(_ sanitizer: RpmsgSanitizer, _ device: RemoteVirtioDevice) {
        guard case .memory(let table) = sanitizer.table.location else { return nil }
        self.init(sanitizer, sanitizer.kernel.bus, start: table.advanced(UInt32(truncatingIfNeeded: device.offset)), vrings: device.vrings.count)
    }

    /// - Parameter start: of the vdev entry, behind its type.
    init?(_ sanitizer: any CheckOwner, _ bus: any NonSecureBus, start: PhysicalAddress, vrings: Int) {
        guard let bytes = try? bus.readBytes(start, count: VdevResource.size + VringResource.size * vrings) else { return nil }
        self.init(sanitizer, bus, State(start: start, expected: bytes))
    }

    init(_ sanitizer: any CheckOwner, _ bus: any NonSecureBus, _ state: State) {
        (self.sanitizer, self.bus, self.state) = (sanitizer, bus, state)
        seen = state.expected
    }

    mutating func check() {
        let start = start
        let isRead: Bool = seen.withUnsafeMutableBytes { (try? bus.read(start, into: $0)) != nil }
        guard isRead, seen != expected else { return }
        var offset = 0
        while offset < seen.count {
            let (field, size) = Self.field(at: offset)
            let end = min(seen.count, offset + size)
            let isOwn = sanitizer.booksAreExact || sanitizer.hasWritten(start.advanced(UInt32(offset)), count: size)
            if seen[offset..<end] != expected[offset..<end], isOwn {
                sanitizer.report(
                    .tableRewritten(
                        sanitizer.evidence("table", field, start.advanced(UInt32(offset)), seen[offset..<end]), expected: Array(expected[offset..<end])))
                sanitizer.forgetWrites(start.advanced(UInt32(offset)), count: size)
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
