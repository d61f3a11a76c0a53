// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import RprocHost

/// A `ttyRPMSGn` as a pseudo-terminal.
///
/// Towards the firmware nothing is lost: bytes are only taken from the terminal, at most 496 at once, when a buffer of the ring
/// is free; until then they wait in the terminal, and then the program that writes waits. From the firmware as much is kept as the kernel's
/// tty layer does (`TTYBuffers`), behind what the terminal itself holds; more is cut off with the driver's "Trunc buffer" line.
final class TerminalDevice: PollSource {
    let port: RpmsgTTY
    private let terminal: PseudoTerminal
    private var output = ByteQueue()
    /// Room for `output`, by the kernel's rules.
    private var buffers = TTYBuffers()
    /// What was taken from the terminal and found no buffer after all.
    private var input: [UInt8] = []
    var path: String { terminal.path }
    var settings: termios? { terminal.settings }
    /// Bytes that a program has written, as they go to the firmware.
    var onSent: (([UInt8]) -> Void)?

    /// - Parameter settings: of an earlier terminal of the same number.
    init(_ port: RpmsgTTY, settings: termios?) throws(DeviceFilesError) {
        self.port = port
        terminal = try PseudoTerminal(settings)
    }

    /// Hangs up at once, whoever else has this object.
    func close() {
        terminal.close()
        input = []
    }

    func receive(_ bytes: [UInt8]) {
        flush()
        let room = buffers.append(bytes.count)
        bytes.withUnsafeBytes { output.append(UnsafeRawBufferPointer(rebasing: $0.prefix(room))) }
        if bytes.count > room { port.truncated(to: room) }
        flush()
    }

    private func flush() {
        while !output.isEmpty {
            let count = output.withBytes { Descriptor.write(terminal.master, $0) }
            guard count > 0 else { break }
            output.removeFirst(count)
            buffers.remove(count)
        }
    }

    func watch(_ set: inout PollSet) {
        set.add(terminal.master, (port.canWrite ? POLLIN : 0) | (output.isEmpty ? 0 : POLLOUT))
    }

    func serve(_ set: PollSet) -> Bool {
        let found = set.found(terminal.master)
        if found & POLLOUT != 0 { flush() }
        if input.isEmpty, found & POLLIN != 0, port.canWrite, case .bytes(let bytes) = Descriptor.read(terminal.master, Rpmsg.maximumPayload) {
            input = bytes
        }
        return send()
    }

    private func send() -> Bool {
        guard !input.isEmpty else { return false }
        let bytes = input
        let result: Result<Int, Errno> = bytes.withUnsafeBytes { buffer in
            do throws(Errno) { return .success(try port.write(buffer)) } catch { return .failure(error) }
        }
        switch result {
        case .success(let count):
            onSent?(Array(bytes.prefix(count)))
            input.removeFirst(min(count, input.count))
            return true
        case .failure(.noMemory): return false
        // The channel is gone, or its ring broken: a write to the tty would fail.
        case .failure:
            input = []
            return false
        }
    }
}
