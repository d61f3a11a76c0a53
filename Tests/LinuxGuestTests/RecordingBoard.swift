// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CLinuxBridge
import Foundation
import LinuxGuest
import Synchronization

/// A board that does nothing but let each store go on and write down what it was.
final class RecordingBoard: Sendable {
    struct Store: Equatable, Sendable {
        let word: GuestLayout.Word?
        let value: UInt32
    }
    private let memory: GuestMemory
    private let log = Mutex<[Store]>([])

    init(_ memory: GuestMemory) {
        self.memory = memory
        Thread { [self] in run() }.start()
    }

    var stores: [Store] { log.withLock { $0 } }

    private func run() {
        var seen: UInt32 = 0
        while !linux_bridge_is_closed(memory.page) {
            let request = linux_bridge_wait(memory.page, seen, 1000, 100_000_000)
            if request == seen { continue }
            seen = request
            let address = memory.page.pointee.address
            log.withLock { $0.append(Store(word: memory.layout.words[address], value: memory.word(address))) }
            // Words that set something off and read as 0, as the RCC's for a reset and the IPCC's C1SCR: drivers write back what they read.
            if [.reset, .ipcc(8)].contains(memory.layout.words[address]) { memory.setWord(address, 0) }
            linux_bridge_acknowledge(memory.page, request)
        }
    }
}

/// Collects what comes from a descriptor, on a thread, until its end.
final class Collector: Sendable {
    private let bytes = Mutex<[UInt8]>([])
    private let done = DispatchSemaphore(value: 0)

    init(_ descriptor: Int32) {
        Thread { [self] in
            var piece = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = read(descriptor, &piece, piece.count)
                if count < 0 && errno == EINTR { continue }
                if count <= 0 { break }
                bytes.withLock { $0 += piece.prefix(count) }
            }
            done.signal()
        }.start()
    }

    var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }
    /// Whether `text` comes, within a minute.
    func waits(for text: String) -> Bool {
        for _ in 0..<6000 where !self.text.contains(text) { usleep(10_000) }
        return self.text.contains(text)
    }
    /// All of it.
    func whole() -> String {
        done.wait()
        done.signal()
        return text
    }
}
