import Foundation
import M4Board
import RprocDeviceTree
import SecureLoader

/// The command's exit status; documented in the README, relied on by scripts.
enum ExitStatus: Int32, Error {
    case fine = 0
    /// What the user asked for (`--until`, `--expect`) did not happen.
    case expectation = 1
    /// The call, or a file or key that it names.
    case usage = 2
    case fault = 3
    /// An image, or an ELF to sign or to run, that is not what it should be.
    case refused = 4
    case limit = 5
    /// At a breakpoint or watchpoint.
    case halted = 6
    /// `--strict`, and something was found though all went as asked.
    case findings = 7
    /// All went as asked, but no `--break` or `--watch` was hit.
    case notReached = 8
    // A signal ended a run without folders. The process then ends by that signal, which shells show as these.
    case hungUp = 129, interrupted = 130, terminated = 143

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
        case .hungUp, .interrupted, .terminated: "signal"
        }
    }
}

/// Errors whose description is all that a user needs.
protocol UserFacing: Error, CustomStringConvertible {}

extension KeyError: UserFacing {}
extension SigningError: UserFacing {}
extension BoardError: UserFacing {}
extension TEEFailure: UserFacing {}
extension CoprocessorNodeError: UserFacing {}

/// A mistake in how the command was called or in what it was given, in one sentence.
struct UsageError: UserFacing {
    let description: String
    init(_ description: String) { self.description = description }
}

/// What is wrong with an image or an ELF itself, in one sentence.
struct Refusal: UserFacing {
    let description: String
    init(_ description: String) { self.description = description }
}
