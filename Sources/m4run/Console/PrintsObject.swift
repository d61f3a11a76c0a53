// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A command that prints an object under `--json`, and one of four keys where it fails before it has something to report.
protocol PrintsObject {
    /// The image or file as it was given; nil without `--json`.
    var objectName: String? { get }
}

extension Run: PrintsObject { var objectName: String? { limits.json ? image : nil } }
extension GdbCommand: PrintsObject { var objectName: String? { limits.json ? image : nil } }
extension LinuxCommand: PrintsObject { var objectName: String? { limits.json ? image : nil } }
extension DoctorCommand: PrintsObject { var objectName: String? { json ? image : nil } }
extension Inspect: PrintsObject { var objectName: String? { json ? image : nil } }
extension Verify: PrintsObject { var objectName: String? { json ? image : nil } }
extension Dt: PrintsObject { var objectName: String? { json ? file : nil } }

/// What --json prints where a command was cut, or failed, before it could say more.
struct ShortReport: JSONText {
    let error: String, exit: Int32, image: String, result: String

    init(_ complaint: String, _ status: ExitStatus, image: String) {
        (error, exit, self.image, result) = (complaint, status.rawValue, image, status.name)
    }
}
