// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import Chips
import RprocDeviceTree

/// What a device tree says of the coprocessor.
struct Dt: TakesProjectFile {
    static let configuration = CommandConfiguration(
        commandName: "dt",
        abstract: "Show what a device tree says of the coprocessor, and what Linux would complain of.",
        discussion: """
            Exit status: 0 when Linux would make a remoteproc of it, or OP-TEE would take it, 4 when neither, 2 for a file that is not \
            a device tree. With --json the object's keys are always there.
            """)

    @Argument(help: "A flattened device tree, .dtb.", completion: .file()) var file: String
    @Flag(help: "JSON instead of text.") var json = false
    @OptionGroup(title: "General") var general: GeneralOptions

    func run() throws {
        let tree = try TreeOptions.tree(file)
        do throws(CoprocessorNodeError) {
            show(CoprocessorReport(try CoprocessorNode(tree, chip: .chosen)), .fine)
        } catch {
            let secure = try? SecureNode.memory(tree, chip: .chosen)
            if json || secure != nil { show(CoprocessorReport(refused: error, secureMemory: secure), secure == nil ? .refused : .fine) }
            guard secure == nil else { return }
            Console.error("\(file): \(error)")
            HelpTopic.explains(.page(.dt))
            throw ExitStatus.refused
        }
    }

    private func show(_ report: CoprocessorReport, _ status: ExitStatus) {
        Supervisor.hasReported()
        if json { Console.data(Answer(report: report, status: status).text + "\n") } else { Console.data(report.lines) }
    }

    /// The report's JSON object, with what it comes to.
    private struct Answer: JSONText {
        let report: CoprocessorReport
        let status: ExitStatus

        private enum Key: String, CodingKey { case exit }

        func encode(to encoder: any Encoder) throws {
            try report.encode(to: encoder)
            var object = encoder.container(keyedBy: Key.self)
            try object.encode(status.rawValue, forKey: .exit)
        }
    }
}
