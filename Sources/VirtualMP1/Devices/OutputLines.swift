// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase

/// What firmware prints, put together to lines: UART, ITM, RTT and semihosting come in pieces as small as a byte.
public struct OutputLines {
    /// A line of one source, without its newline.
    public struct Line: Equatable, Sendable {
        public var source: M4Board.TextSource
        public var text: String
    }
    /// Longer lines are cut.
    static let longestLine = 4096
    /// As much of a source's text as is kept, in bytes.
    static let longestText = 1 << 20

    private var sources: [M4Board.TextSource] = []
    private var unfinished: [[UInt8]] = []
    private var kept: [[UInt8]] = []

    public init() {}

    /// The lines that `bytes` complete.
    public mutating func add(_ bytes: [UInt8], from source: M4Board.TextSource) -> [Line] {
        let index = sources.firstIndex(of: source) ?? sources.count
        if index == sources.count { sources.append(source); unfinished.append([]); kept.append([]) }
        kept[index] += bytes.prefix(max(0, Self.longestText - kept[index].count))
        var lines: [Line] = []
        for byte in bytes {
            if byte != 0x0A { unfinished[index].append(byte) }
            if byte == 0x0A || unfinished[index].count >= Self.longestLine { lines.append(take(index)) }
        }
        return lines
    }

    /// What has no newline yet, as lines of their own.
    public mutating func flush() -> [Line] { sources.indices.filter { !unfinished[$0].isEmpty }.map { take($0) } }

    /// What each source has sent, in the order of their first bytes; at most a MiB of each.
    public var texts: [(source: M4Board.TextSource, text: String)] { sources.indices.map { (sources[$0], ForeignText.text(kept[$0])) } }

    private mutating func take(_ index: Int) -> Line {
        var bytes = unfinished[index]
        unfinished[index] = []
        if bytes.last == 0x0D { bytes.removeLast() }
        return Line(source: sources[index], text: ForeignText.text(bytes))
    }
}
