// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase

/// The board's registers as the guest has them: words of its memory.
///
/// What the guest stores is carried to the board by `GuestBoard`; what the board changes is written here for the guest to read.
struct RegisterWords {
    private let memory: GuestMemory
    private unowned let board: M4Board
    /// What the M4 changes by itself: the mailbox's flags, and its state in TAMP. The guest reads the flags and
    /// never writes them back, and waits for the others.
    private let changing: [UInt32]

    init(_ memory: GuestMemory, _ board: M4Board) {
        self.memory = memory; self.board = board
        let mailbox = memory.layout.chip.mailbox
        changing = [mailbox.address(mailbox.offsets.c1ToC2SR).value, mailbox.address(mailbox.offsets.c2ToC1SR).value]
            + memory.layout.words.filter { $0.value == .m4State || $0.value == .resourceTable }.keys.sorted()
    }

    /// As Linux finds them when it starts: what boot stages have left.
    func fill() {
        for address in memory.layout.words.keys { show(address) }
        showChanges()
    }

    func showChanges() {
        for address in changing { show(address) }
    }

    /// What the board has there now, behind a store of the guest's.
    func show(_ address: UInt32) {
        let value = (try? board.readWord(PhysicalAddress(address), secure: true)) ?? 0
        // Not needlessly: the line is in the other processor's cache, too.
        if self[address] != value { self[address] = value }
    }

    subscript(address: UInt32) -> UInt32 {
        get { memory.word(address) }
        nonmutating set { memory.setWord(address, newValue) }
    }
}
