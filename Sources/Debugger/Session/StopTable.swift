// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board

/// A client's breakpoints and watchpoints, with conditions. They are the target's from its next resumption on: a client takes all of them out at each
/// stop and puts them in again, which costs nothing that way.
struct StopTable {
    /// `Z0` to `Z4`.
    enum Kind: UInt8 { case software, hardware, write, read, access }

    struct Place: Hashable {
        let kind: Kind
        let address: UInt32
        /// Bytes of a watchpoint; of a breakpoint's instruction, which does not matter.
        let count: UInt32
    }
    private(set) var places: [Place: [AgentExpression]] = [:]
    /// In the order in which they came: what is first is told first.
    private var order: [Place] = []
    private(set) var hasChanged = false

    static let mostConditions = 64

    mutating func insert(_ place: Place, _ conditions: [AgentExpression]) {
        if places.updateValue(conditions, forKey: place) == nil {
            order.append(place)
            hasChanged = true
        }
    }

    mutating func remove(_ place: Place) {
        guard places.removeValue(forKey: place) != nil else { return }
        order.removeAll { $0 == place }
        hasChanged = true
    }

    mutating func removeAll() {
        hasChanged = hasChanged || !places.isEmpty
        places = [:]
        order = []
    }

    mutating func isApplied() { hasChanged = false }

    var breakpoints: [UInt32] { Array(Set(order.filter { $0.kind == .software || $0.kind == .hardware }.map(\.address))).sorted() }
    var watchpoints: [Watchpoint] {
        order.compactMap { place in
            switch place.kind {
            case .software, .hardware: nil
            case .write: Watchpoint(address: place.address, count: place.count)
            case .read: Watchpoint(address: place.address, count: place.count, reads: true, writes: false)
            case .access: Watchpoint(address: place.address, count: place.count, reads: true)
            }
        }
    }

    /// The breakpoint at an address, software before hardware.
    func breakpoint(at address: UInt32) -> Place? { order.filter { $0.address == address && ($0.kind == .software || $0.kind == .hardware) }.min { $0.kind.rawValue < $1.kind.rawValue } }

    /// All conditions at an address; nil where a breakpoint there has none, or where none is.
    func conditions(at address: UInt32) -> [AgentExpression]? {
        let here = order.filter { $0.address == address && ($0.kind == .software || $0.kind == .hardware) }.compactMap { places[$0] }
        guard !here.isEmpty, here.allSatisfy({ !$0.isEmpty }) else { return nil }
        return here.flatMap { $0 }
    }

    /// What kind of the client's watchpoints an access touched.
    func watch(_ watched: UInt32, width: UInt32, isWrite: Bool) -> WatchKind? {
        for place in order where place.address == watched && place.count == width {
            switch place.kind {
            case .write where isWrite: return .write
            case .read where !isWrite: return .read
            case .access: return .access
            default: break
            }
        }
        return nil
    }
}
