// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import M4Board
import Manual
import RprocHost
import SecureLoader

/// What of the manual explains a failure: all that its last line can name.
enum HelpTopic: Equatable {
    /// A page, by its topic.
    enum Page: String, CaseIterable { case boot, causes, doctor, dt, findings, linux, optee }

    case page(Page)
    /// A cause or finding that the doctor names.
    case cause(String)
    case rule(Finding.Rule)
    case boardRule(BoardFinding.Rule)
    case stop(StopReason.Name)
    /// What OP-TEE's TA answered.
    case result(TEEResult)
    case status(ExitStatus)

    /// What `m4run help` is to be asked for.
    var name: String {
        switch self {
        case .page(let page): page.rawValue
        case .cause(let name): name
        case .rule(let rule): rule.rawValue
        case .boardRule(let rule): rule.rawValue
        case .stop(let reason): reason.rawValue
        case .result(let result): result.name
        case .status(let status): "\(status.rawValue)"
        }
    }

    /// What the command's failure is explained by, so far.
    nonisolated(unsafe) private static var latest: HelpTopic?

    /// Remembers what explains a failure, for the command's last line.
    static func explains(_ topic: HelpTopic?) { if let topic { latest = topic } }

    /// Whether the command that runs wants it, by all of its options, wherever they were said.
    nonisolated(unsafe) private static var isWanted = true
    static func begin(_ command: (any ParsableCommand)?) { isWanted = (command as? any HidesTopic)?.hidesTopic != true }

    /// The last line for a person: not where a program reads what is said or nothing is to be said, nor in a build without the manual.
    static func tell() {
        guard isWanted, let latest, BuildInfo.hasManual else { return }
        Console.note("see: m4run help \(latest.name)")
    }
}
