// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MP1Peripherals
import MachineBase

/// What firmware asked of a block or of a debug channel that this one cannot do; each is told once.
public enum BoardFinding: Equatable, Sendable, CustomStringConvertible {
    /// A semihosting operation that is not known, or that needs the host's files.
    case semihostingOperation(UInt32)
    case semihostingFile(String)
    case rtt(RTT.Problem)
    /// Firmware has switched on what the model of a block lacks.
    case unsupported(UnsupportedFeature)

    /// What can be found, without what was seen.
    public enum Rule: String, CaseIterable, Sendable {
        case semihostingOperation = "semihosting-operation"
        case semihostingFile = "semihosting-file"
        case rtt
        case unsupported = "unsupported-feature"
    }

    public var rule: Rule {
        switch self {
        case .semihostingOperation: .semihostingOperation
        case .semihostingFile: .semihostingFile
        case .rtt: .rtt
        case .unsupported: .unsupported
        }
    }

    /// Stable, for scripts.
    public var name: String { rule.rawValue }

    public var description: String {
        switch self {
        case .semihostingOperation(let code):
            "semihosting operation 0x\(String(code, radix: 16)) is not supported: it answers -1"
        case .semihostingFile(let name):
            "semihosting SYS_OPEN of \"\(name)\": there are no files but :tt, the console"
        case .rtt(let problem): "RTT: \(problem); it is left alone"
        case .unsupported(let feature): feature.description
        }
    }
}
