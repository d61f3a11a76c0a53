// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A command whose options can ask that its failures end without the manual's topic: a program reads what it says, or it is to say nothing.
protocol HidesTopic {
    var hidesTopic: Bool { get }
}

extension Run: HidesTopic {
    var hidesTopic: Bool { limits.json || limits.logLevel == .quiet }
}
extension LinuxCommand: HidesTopic {
    var hidesTopic: Bool { limits.json || limits.level == .quiet }
}
extension DoctorCommand: HidesTopic {
    // Its --log-level, quiet unless told, is about the run; the topic belongs to the diagnosis.
    var hidesTopic: Bool { json }
}
extension Exec: HidesTopic {
    var hidesTopic: Bool { quiet }
}
extension Verify: HidesTopic {
    var hidesTopic: Bool { json }
}
extension Inspect: HidesTopic {
    var hidesTopic: Bool { json }
}
extension Dt: HidesTopic {
    var hidesTopic: Bool { json }
}
