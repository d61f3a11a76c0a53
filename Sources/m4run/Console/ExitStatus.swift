// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc
import M4Board
import RprocDeviceTree
import SecureLoader

/// The command's exit status; documented in the manual's page m4run-exit-status, relied on by scripts.
struct ExitStatus: RawRepresentable, Equatable, Error {
    let rawValue: Int32

    static let fine = ExitStatus(rawValue: 0)
    /// What the user asked for (`--until`, `--expect`) did not happen.
    static let expectation = ExitStatus(rawValue: 1)
    /// The call, or a file or key that it names.
    static let usage = ExitStatus(rawValue: 2)
    static let fault = ExitStatus(rawValue: 3)
    /// An image, or an ELF to sign or to run, that is not what it should be.
    static let refused = ExitStatus(rawValue: 4)
    static let limit = ExitStatus(rawValue: 5)
    /// At a breakpoint or watchpoint.
    static let halted = ExitStatus(rawValue: 6)
    /// `--strict`, and something was found though all went as asked.
    static let findings = ExitStatus(rawValue: 7)
    /// All went as asked, but no `--break` or `--watch` was hit.
    static let notReached = ExitStatus(rawValue: 8)
    /// Those with numbers of their own, by number.
    static let numbered = [fine, expectation, usage, fault, refused, limit, halted, findings, notReached]
    static let hungUp = signal(SIGHUP)
    /// A signal ended the run. The process then ends by that signal, which shells show as this number.
    static func signal(_ number: Int32) -> ExitStatus { ExitStatus(rawValue: 128 + number) }

    /// Output that was lost is no success.
    func leave() -> Never { Supervisor.leave(rawValue) }

    var name: String {
        switch self {
        case .fine: "ok"
        case .expectation: "expectation-not-met"
        case .usage: "usage"
        case .fault: "fault"
        case .refused: "refused"
        case .limit: "limit"
        case .halted: "halted"
        case .findings: "findings"
        case .notReached: "not-reached"
        default: "signal"
        }
    }
}

/// Errors whose description is all that a user needs.
protocol UserFacing: Error, CustomStringConvertible {
    /// What of the manual helps.
    var topic: HelpTopic? { get }
}
extension UserFacing {
    var topic: HelpTopic? { nil }
}

extension KeyError: UserFacing {}
extension SigningError: UserFacing {}
extension BoardError: UserFacing {}
extension TEEFailure: UserFacing {
    var topic: HelpTopic? { .result(result) }
}
extension CoprocessorNodeError: UserFacing {
    var topic: HelpTopic? { .page(.dt) }
}

/// A mistake in how the command was called or in what it was given, in one sentence.
struct UsageError: UserFacing {
    let description: String
    let topic: HelpTopic?
    init(_ description: String, see topic: HelpTopic? = nil) { (self.description, self.topic) = (description, topic) }
}

/// What is wrong with an image or an ELF itself, in one sentence.
struct Refusal: UserFacing {
    let description: String
    let topic: HelpTopic?
    init(_ description: String, see topic: HelpTopic? = nil) { (self.description, self.topic) = (description, topic) }
}
