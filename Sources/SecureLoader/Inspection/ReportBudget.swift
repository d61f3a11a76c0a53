// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What a report of a hostile file may take, in memory and time; no real image comes near it.
struct ReportBudget {
    /// Images, records of the TLV area, and program headers of all images, that a report has.
    static let images = 255, records = 4096, segments = 16_384
    /// The largest signature that is tried, in bytes: more than any key's.
    static let longestSignature = 1 << 16

    /// Bytes that may still be hashed: every file's segments at once, and some over again.
    private var hashed: Int
    private var segments = 0
    private var segmentsLeftOut = 0, hashesLeftOut = 0
    var recordsLeftOut = 0

    init(fileSize: Int) { hashed = fileSize * 4 + (64 << 20) }

    mutating func takesSegment() -> Bool {
        guard segments < Self.segments else {
            segmentsLeftOut += 1
            return false
        }
        segments += 1
        return true
    }

    mutating func takesHash(of count: Int) -> Bool {
        guard count <= hashed else {
            hashesLeftOut += 1
            return false
        }
        hashed -= count
        return true
    }

    var warnings: [ImageReport.Warning] {
        let lines = [
            (recordsLeftOut, "records of the TLV area are not shown: there are more than \(Self.records)"),
            (segmentsLeftOut, "program headers are not shown: there are more than \(Self.segments)"),
            (hashesLeftOut, "segments are not hashed: they have the same bytes again and again"),
        ]
        return lines.filter { $0.0 > 0 }.map { ImageReport.Warning(.notShown, "\($0.0) \($0.1)") }
    }
}
