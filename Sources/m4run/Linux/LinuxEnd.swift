// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// How an `m4run linux` ended: its status, and why in a sentence.
struct LinuxEnd {
    let status: Int32
    /// Of the status; a script's own is `script-failed`.
    let name: String
    /// nil when all went well, or the script says itself what went wrong.
    let complaint: String?
    /// Whether the complaint has lines of its own.
    var isReport = false
    /// What of the manual explains it.
    var topic: HelpTopic?

    init(_ status: ExitStatus, _ complaint: String? = nil, isReport: Bool = false, see topic: HelpTopic? = nil) {
        (self.status, name, self.complaint, self.isReport, self.topic) = (status.rawValue, status.name, complaint, isReport, topic)
    }
    init(script status: Int32) { (self.status, name, complaint) = (status, status == 0 ? ExitStatus.fine.name : "script-failed", nil) }
}
