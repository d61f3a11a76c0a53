// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Warnings in order: of each subject the first few, and then how many more there are.
///
/// A hostile file gives cause for millions; a text that is not kept is not made.
struct WarningList {
    private static let mostOfASubject = 16

    private var kept: [ImageReport.Warning] = []
    private var counts: [ImageReport.Warning.Subject: Int] = [:]

    mutating func add(_ subject: ImageReport.Warning.Subject, at offset: Int? = nil, _ text: @autoclosure () -> String) {
        let count = counts[subject, default: 0] + 1
        counts[subject] = count
        if count <= Self.mostOfASubject { kept.append(ImageReport.Warning(subject, at: offset, text())) }
    }

    mutating func add(_ warnings: [ImageReport.Warning]) {
        for warning in warnings { add(warning.subject, at: warning.offset, warning.text) }
    }

    var all: [ImageReport.Warning] {
        kept
            + ImageReport.Warning.Subject.allCases.compactMap { subject in
                let more = counts[subject, default: 0] - Self.mostOfASubject
                return more > 0 ? ImageReport.Warning(subject, "\(more) more of the kind \(subject.rawValue)") : nil
            }
    }
}
