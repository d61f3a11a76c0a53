// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

extension VirtQueue {
    /// Which ring it is, and the books of it.
    struct State: Equatable, Sendable {
        var name: String
        var notifyID: UInt32
        var layout: VringLayout
        var base: PhysicalAddress
        var usesEventIndex: Bool
        var books: Books
        /// By descriptor.
        var nextFree: [UInt16], buffers: [UInt32]
        /// The sanitizer's books, while it is on.
        var check: RingCheck.State?
    }
    var state: State {
        let count = Int(layout.count)
        return State(
            name: name, notifyID: notifyID, layout: layout, base: base, usesEventIndex: usesEventIndex, books: books.pointee,
            nextFree: (0..<count).map { nextFree[$0] }, buffers: (0..<count).map { buffers[$0] }, check: check?.state)
    }

    convenience init(_ state: State, keepsCallbacksAfterEvent: Bool, bus: any NonSecureBus) {
        self.init(
            books: state.books, name: state.name, notifyID: state.notifyID, layout: state.layout, base: state.base, eventIndex: state.usesEventIndex,
            keepsCallbacksAfterEvent: keepsCallbacksAfterEvent, bus: bus)
        copy(state)
    }

    /// Takes over the books of the same ring; the sanitizer's are left alone.
    /// - Returns: whether it is the same.
    func restore(_ state: State) -> Bool {
        guard (name, notifyID, layout, base) == (state.name, state.notifyID, state.layout, state.base), usesEventIndex == state.usesEventIndex else { return false }
        copy(state)
        return true
    }

    private func copy(_ state: State) {
        books.pointee = state.books
        for (index, next) in state.nextFree.prefix(Int(layout.count)).enumerated() { nextFree[index] = next }
        for (index, buffer) in state.buffers.prefix(Int(layout.count)).enumerated() { buffers[index] = buffer }
    }
}
