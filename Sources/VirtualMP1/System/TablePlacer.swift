// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import M4Board
import MachineBase
import RprocHost
import SecureLoader

/// Copies a resource table that OP-TEE has loaded elsewhere than its section says to where Linux will look for it, and says so.
final class TablePlacer {
    private let session: RemoteprocSession
    private let memory: SecureWorld
    private let board: M4Board
    private let events: EventStream<SystemEvent>
    /// The last one that was copied: all that changes.
    var placement: TablePlacement?

    init(_ session: RemoteprocSession, memory: SecureWorld, board: M4Board, events: EventStream<SystemEvent>) {
        (self.session, self.memory, self.board, self.events) = (session, memory, board, events)
    }

    /// The TA has loaded `image`.
    func place(_ image: FirmwareImage) {
        guard let placement = TablePlacement(image: image) else { return }
        do {
            guard let table = try session.resourceTable(), Int(table.size) == placement.bytes.count else { return }
            try memory.write(placement.bytes, at: table.start)
        } catch { return }
        self.placement = placement
        events.publish(.tablePlaced(board.now, placement))
    }
}
