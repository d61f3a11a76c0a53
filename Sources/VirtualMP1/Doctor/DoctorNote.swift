// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What the doctor tells beside causes: links of the chain that hold. `rawValue` is the stable name.
enum DoctorNote: String, CaseIterable {
    case accepted, tablePlaced = "table-placed", noRpmsg = "no-rpmsg"
    case status, channel, neverSpokenTo = "never-spoken-to"
    case runs, unmodelled, mayWait = "may-wait", waitsForTimer = "waits-for-timer"
}

extension DoctorReport {
    /// The names that `cause` can have, the nearest to the beginning first; a finding's name beside them.
    public static var causeNames: [String] {
        // Those two are ranks of findings, which have names of their own.
        DoctorCause.allCases.filter { $0 != .explainingFinding && $0 != .finding }.map(\.rawValue)
    }
    /// The names of entries that are no problem; a cause's beside them, where it explains nothing.
    public static var noteNames: [String] { DoctorNote.allCases.map(\.rawValue) }
}
