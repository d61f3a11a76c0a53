// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import MachineBase

/// Where `--send` and `--interactive` write to.
enum Destination: ExpressibleByArgument, Equatable {
    /// `ttyRPMSG0`
    case tty(Int)
    /// `rpmsg0`: a raw device.
    case raw(Int)
    /// A channel by the name that the firmware announced, as it is shown.
    case channel(ForeignName)

    init?(argument: String) {
        if let index = Self.index(argument, after: "rpmsg") {
            self = .raw(index)
        } else if argument.hasPrefix("ttyRPMSG") {
            guard let index = Self.index(argument, after: "ttyRPMSG") else { return nil }
            self = .tty(index)
        } else if argument.isEmpty {
            return nil
        } else {
            self = .channel(ForeignName(shown: argument))
        }
    }

    private static func index(_ text: String, after prefix: String) -> Int? {
        guard text.hasPrefix(prefix) else { return nil }
        let digits = text.dropFirst(prefix.count)
        return digits.allSatisfy { $0.isASCII && $0.isNumber } ? Int(digits) : nil
    }

    var defaultValueDescription: String {
        switch self {
        case .tty(let index): "ttyRPMSG\(index)"
        case .raw(let index): "rpmsg\(index)"
        case .channel(let name): name.description
        }
    }
}
