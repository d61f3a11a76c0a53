// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import RprocHost
import TestSupport
import Testing

import VirtualMP1

@Suite struct LifetimeTests {
    @Test("A system that nobody holds any more is gone, with its board and Linux", arguments: [BootSequence.elf, .teeV3])
    func gone(boot: BootSequence) throws {
        weak var board: M4Board?
        weak var linux: RemoteProcessor?
        do {
            let system = try Samples.started("tty-echo", boot)
            (board, linux) = (system.board, system.linux)
            #expect(board != nil && linux != nil)
        }
        #expect(board == nil && linux == nil)
    }
}
