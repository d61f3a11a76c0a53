// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import ImageFormat
import SecureLoader

/// What is in an image, and what OP-TEE would say to it.
struct Inspect: TakesProjectFile {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show an image: header, records, segments, hashes, resource table, and why it would be refused.",
        discussion: """
            Without --key nobody checks the signature, and the verdict says so: it is on all else.

            Exit status: 0 when OP-TEE would load it (without --key: if its signature is good; or it is a plain ELF for Arm), 4 when it would \
            be refused or is no image.
            """)

    @Argument(help: "A signed image or an ELF.", completion: .file()) var image: String
    @OptionGroup var keys: TrustedKeys
    @Flag(help: "JSON instead of text.") var json = false
    @OptionGroup(title: "General") var general: GeneralOptions

    func run() throws {
        let trusted = try keys.read()
        let report = ImageReport(
            FirmwareImage(try InputFile.read(image)), signatures: trusted.isEmpty ? .unverified : .trusted(trusted), support: keys.support)
        let isPlainELF = report.kind == .elf && report.images.allSatisfy { $0.problem == nil && $0.machine == 40 }
        let status: ExitStatus = report.loads || isPlainELF ? .fine : .refused
        Supervisor.hasReported()
        if json {
            Console.data(JSON.text(Answer(report: report, status: status)) + "\n")
        } else {
            Console.data(report.lines)
        }
        guard status == .fine else {
            HelpTopic.explains(.page(.optee))
            throw status
        }
    }

    /// The report's JSON object, with what it comes to.
    private struct Answer: Encodable {
        let report: ImageReport
        let status: ExitStatus

        private enum Key: String, CodingKey { case exit, verdict, signatureChecked }

        func encode(to encoder: any Encoder) throws {
            try report.encode(to: encoder)
            var object = encoder.container(keyedBy: Key.self)
            try object.encode(status.rawValue, forKey: .exit)
            try object.encode(report.verdict, forKey: .verdict)
            // A plain ELF has none that anybody could have looked at.
            try object.encode(report.signature != nil && report.isSignatureChecked, forKey: .signatureChecked)
        }
    }
}
