// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CLinuxBridge
import Foundation
import Synchronization
import Testing

/// The page between guest and board, and children that end with their parent; without QEMU.
@Suite struct BridgeTests {
    private final class Page: Sendable {
        nonisolated(unsafe) let page = UnsafeMutablePointer<linux_bridge_page>.allocate(capacity: 1)
        init() {
            page.initialize(to: linux_bridge_page())
            linux_bridge_open(page)
        }
        deinit { page.deallocate() }
    }

    @Test("Waiting ends with a request, with the time, with an interruption and with the end")
    func waiting() {
        let page = Page()
        #expect(page.page.pointee.magic == 0x4D34_4252)
        #expect(page.page.pointee.host_pid == UInt32(getpid()))
        #expect(linux_bridge_wait(page.page, 0, 10, 1_000_000) == 0)
        page.page.pointee.request = 1
        #expect(linux_bridge_wait(page.page, 0, 10, 60_000_000_000) == 1)
        // Of somebody who sleeps, and of somebody who is only going to.
        for delay: UInt32 in [0, 20_000] {
            Thread { usleep(delay); linux_bridge_interrupt(page.page) }.start()
            #expect(linux_bridge_wait(page.page, 1, 0, 60_000_000_000) == 1)
        }
        Thread { usleep(20_000); linux_bridge_close(page.page) }.start()
        #expect(linux_bridge_wait(page.page, 1, 0, 60_000_000_000) == 1)
        #expect(linux_bridge_is_closed(page.page))
        #expect(linux_bridge_wait(page.page, 1, 0, 60_000_000_000) == 1)
    }

    @Test("A child ends when the thread that started it ends, and has no descriptor but those it was given")
    func child() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let pid = Mutex<Int32>(0), writer = ends[1]
        Thread {
            let words = ["/bin/sh", "-c", "ls /proc/self/fd; exec sleep 1000"].map { (word: String) in strdup(word) } + [nil]
            let child = linux_bridge_spawn(words, [strdup("PATH=/bin:/usr/bin"), nil], [writer, writer], 2)
            pid.withLock { $0 = child }
            usleep(300_000)
        }.start()
        var text = [UInt8](repeating: 0, count: 100)
        var listed = ""
        while listed.split(separator: "\n").count < 3 {
            let count = read(ends[0], &text, text.count)
            try #require(count > 0)
            listed += String(decoding: text.prefix(count), as: UTF8.self)
        }
        // 2 is the folder's own.
        #expect(listed.split(separator: "\n") == ["0", "1", "2"])
        usleep(300_000)
        let child = pid.withLock { $0 }
        try #require(child > 0)
        var status: Int32 = 0
        #expect(waitpid(child, &status, 0) == child)
        #expect(status & 0x7F == SIGKILL)
        close(ends[0])
        close(ends[1])
    }

    @Test("A program that is not there is an error with execve's reason")
    func noProgram() {
        let words = [strdup("/nonexistent"), nil]
        #expect(linux_bridge_spawn(words, [nil], [], 0) == -ENOENT)
    }
}
