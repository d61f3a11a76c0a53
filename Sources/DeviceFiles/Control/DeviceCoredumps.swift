// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost

/// `/sys/class/devcoredump`: one core dump of the coprocessor at a time, for five minutes or until somebody writes to it.
///
/// Source: Linux `drivers/base/devcoredump.c`, and for dumps under `inline` `remoteproc_coredump.c`.
final class DeviceCoredumps {
    static let folder = "class/devcoredump"
    private struct Dump {
        let number: Int
        let bytes: [UInt8]
        /// Read from memory while the recovery waits, in other pieces than a copy.
        let isInline: Bool
        let end: VirtualTime
        /// ELF header and program headers: what an inline dump has in a buffer of its own.
        var headerSize: Int { 52 + 32 * Int(bytes.littleEndian(UInt16.self, at: 44) ?? 0) }
    }
    /// sysfs asks binary files for a page at a time; a program that reads more gets a page.
    private static let page = 4096
    private let linux: RemoteProcessor
    private let now: () -> VirtualTime
    private var kept: Dump?
    private var count = 0
    private var isDisabled = false

    init(_ linux: RemoteProcessor, now: @escaping () -> VirtualTime) { (self.linux, self.now) = (linux, now) }

    private var dump: Dump? {
        if let kept, now() >= kept.end { self.kept = nil }
        return kept
    }

    /// `devcd1`; nil without a dump.
    var device: String? { dump.map { "devcd\($0.number)" } }

    /// `dev_coredumpv` and `dev_coredumpm`.
    func add(_ bytes: [UInt8]) -> Bool {
        guard !isDisabled, dump == nil else { return false }
        count += 1
        kept = Dump(number: count, bytes: bytes, isInline: linux.coredump == .inline, end: now() + linux.configuration.timing.coredumpTimeout)
        return true
    }

    private func free() {
        guard let dump else { return }
        kept = nil
        if dump.isInline { linux.freeCoredump() }
    }

    /// `devcdN/data`: any write discards the dump.
    var data: ControlTree.File? {
        guard let dump else { return nil }
        return ControlTree.File(
            mode: 0o600, read: { dump.bytes }, chunk: { [unowned self] offset, count in chunk(dump, offset, count) }, write: { [unowned self] _ in free() },
            isSysfs: true, isBinary: true)
    }

    private func chunk(_ dump: Dump, _ offset: Int, _ count: Int) -> [UInt8] {
        let wanted = min(count, Self.page)
        // The headers come by themselves; but a page for the page cache is whole, as what is short there is the end (see FuseServer).
        let end = dump.isInline && offset < dump.headerSize && count != Self.page ? dump.headerSize : dump.bytes.count
        let bytes = Array(dump.bytes[min(offset, end)..<min(offset + wanted, end)])
        if dump.isInline, end == dump.bytes.count, bytes.count < wanted { linux.noteInlineRead(upTo: offset + bytes.count) }
        return bytes
    }

    /// `disabled`: a 1 frees what is there, and nothing is kept any more; there is no way back.
    var switchFile: ControlTree.File? {
        ControlTree.File(
            mode: 0o644, read: { [unowned self] in Array((isDisabled ? "1\n" : "0\n").utf8) },
            write: { [unowned self] (bytes) throws(Errno) in
                // simple_strtol: as many digits as there are.
                let digits = bytes.prefix { $0 >= 0x30 && $0 <= 0x39 }.drop { $0 == 0x30 }
                guard digits.elementsEqual([0x31]) else { throw .invalid }
                isDisabled = true
                free()
            }, isSysfs: true)
    }
}
