// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import Chips
import FoundationEssentials
import Glibc
import MachineBase
import SecureLoader

/// The TA's verdict on an image, and why.
struct Verify: TakesProjectFile {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Ask OP-TEE's TA for its verdict on an image, or on many.",
        discussion: """
            Exit status: 0 when the TA loads the image, 4 when it refuses it, whatever it is. With --batch 0 when the whole pack was judged, whatever \
            the verdicts.
            """)

    @Argument(help: "A signed image.", completion: .file()) var image: String?
    @OptionGroup var keys: TrustedKeys
    @Flag(help: "Do not check who signed; everything else is.") var unverified = false
    @Flag(help: "Walk through every check in the TA's order: what was seen, and what was allowed.") var explain = false
    @Flag(help: "One JSON object, with all that --explain says.") var json = false
    @Option(
        help: ArgumentHelp(
            "Judge every image of a pack, each with a fresh TA; - is standard input. A pack repeats {label length u32, image length "
                + "u32, label, image}, little-endian.",
            valueName: "pack"),
        completion: .file())
    var batch: String?
    @Option(name: .customLong("ta-heap"), help: "Bytes of the TA's heap (CFG_REMOTEPROC_TA_HEAP_SIZE).") var heap = 4096
    @OptionGroup(title: "General") var general: GeneralOptions

    func validate() throws {
        guard image == nil || batch == nil else { throw ValidationError(Self.needsOne) }
        guard keys.key.isEmpty || !unverified else { throw ValidationError("--unverified checks no signature, and --key says whose: give one of them") }
        guard batch == nil || !(explain || json) else { throw ValidationError("--batch has a form of its own; --explain and --json are for one image") }
        guard heap >= 0 else { throw ValidationError("--ta-heap \(heap): a size in bytes is needed") }
    }

    private static let needsOne = "give one image, or --batch with a pack"

    func run() throws {
        // Not while words are parsed: an option that is misspelt would be told as one that is missing.
        guard image != nil || batch != nil else { throw UsageError(Self.needsOne) }
        guard !keys.key.isEmpty || unverified else { throw UsageError("say who must have signed: --key PUBLIC.pem, or --unverified") }
        try TrustedKeys.loadLibrary()
        let signatures: SignaturePolicy = unverified ? .unverified : .trusted(try keys.read())
        if let batch {
            if unverified { Self.warn() }
            try BatchVerdicts(
                judge: ImageJudge(.chosen, signatures: signatures, support: keys.support, heapSize: heap)
            ).run(batch)
            return
        }
        guard let image else { return }
        let explanation = LoadExplanation(of: try InputFile.read(image), signatures: signatures, support: keys.support, heapSize: heap)
        Supervisor.hasReported()
        if json {
            Console.data(JSON.text(Answer(image: image, explanation: explanation, isChecked: !unverified)) + "\n")
        } else {
            if explain { Console.data(explanation.lines) }
            let tone: ReportLine.Tone = explanation.refusal != nil ? .bad : unverified ? .warning : .good
            Console.data([ReportLine("\(image): \(explanation.verdict)\(unverified ? "; the signature was NOT checked" : "")", tone)])
        }
        if unverified { Self.warn() }
        HelpTopic.explains(explanation.refusal.map { .result($0.result) })
        if explanation.refusal != nil { throw ExitStatus.refused }
    }

    private static func warn() { Console.note("WARNING: --unverified: the signature was NOT checked", .warning) }

    /// The JSON object. Its keys are always there; null where there is nothing to say.
    private struct Answer: Encodable {
        let image: String
        let explanation: LoadExplanation
        let isChecked: Bool

        private enum Key: String, CodingKey {
            case image, size, exit, result, check, reason, offset, checks, warnings
            case notReached = "not_reached"
            case signatureChecked = "signature_checked"
            case resourceTable = "resource_table"
        }

        func encode(to encoder: any Encoder) throws {
            var object = encoder.container(keyedBy: Key.self)
            try object.encode(image, forKey: .image)
            try object.encode(explanation.size, forKey: .size)
            try object.encode((explanation.refusal == nil ? ExitStatus.fine : .refused).rawValue, forKey: .exit)
            try object.encode(explanation.result, forKey: .result)
            try object.encode(isChecked, forKey: .signatureChecked)
            try object.encode(explanation.refusal?.check, forKey: .check)
            try object.encode(explanation.refusal?.reason, forKey: .reason)
            try object.encode(explanation.refusal?.offset, forKey: .offset)
            try object.encode(explanation.resourceTable, forKey: .resourceTable)
            try object.encode(explanation.passed, forKey: .checks)
            try object.encode(explanation.notReached, forKey: .notReached)
            try object.encode(explanation.warnings, forKey: .warnings)
        }
    }
}

extension LoadExplanation {
    /// The result, and why, in a line.
    var verdict: String {
        if let refusal {
            let place = refusal.offset.map { " (image offset 0x\(String($0, radix: 16)))" } ?? ""
            return "\(result): \(refusal.reason)\(place)"
        }
        let table = resourceTable.map { "resource table at \(hex32($0.physicalAddress)), \($0.size) bytes" }
        return "\(result), \(table ?? "no resource table")"
    }
}
