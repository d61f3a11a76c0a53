// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A run of addresses that a client may read and write.
///
/// All are `ram` to it: `rom` would force hardware breakpoints on it, and `flash` make it load by other packets.
public struct MemoryMapRegion: Equatable, Sendable {
    public var start: UInt32
    /// In bytes.
    public var size: UInt64
    public init(start: UInt32, size: UInt64) { (self.start, self.size) = (start, size) }

    /// The document for `qXfer:memory-map`; regions that touch are one. Source: GDB manual, appendix H, "Memory Map Format".
    public static func xml(_ regions: [MemoryMapRegion]) -> String {
        var joined: [MemoryMapRegion] = []
        for region in regions.sorted(by: { $0.start < $1.start }) where region.size > 0 {
            if let last = joined.last, UInt64(region.start) <= UInt64(last.start) + last.size {
                joined[joined.count - 1].size = max(last.size, UInt64(region.start) - UInt64(last.start) + region.size)
            } else {
                joined.append(region)
            }
        }
        let lines = joined.map { "<memory type=\"ram\" start=\"0x\(Hex.number($0.start))\" length=\"0x\(Hex.number($0.size))\"/>" }
        let head = ["<?xml version=\"1.0\"?>", "<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" \"http://sourceware.org/gdb/gdb-memory-map.dtd\">"]
        return (head + ["<memory-map>"] + lines + ["</memory-map>"]).joined(separator: "\n") + "\n"
    }
}
