// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import MachineBase

extension FirmwareSymbols {
    /// The functions of these names, in that order, also as compilers have changed them: `f.constprop.0`, `_Z1fv`.
    func functions(_ names: [String]) -> [(address: UInt32, function: String)] {
        let found = symbols.filter { $0.kind == .function }.map { (name: Self.plainName($0.name), address: $0.address) }
        return names.flatMap { name in found.filter { $0.name == name }.map { ($0.address, name) } }
    }

    /// Whether there is a function whose name begins so.
    func hasFunction(beginning prefixes: [String]) -> Bool {
        symbols.contains { symbol in symbol.kind == .function && prefixes.contains { symbol.name.hasPrefix($0) } }
    }

    /// The object at exactly this address.
    func object(at address: UInt32) -> String? { symbols.first { $0.kind == .object && $0.address == address }.map { ForeignText.line($0.name) } }

    /// `main` for an address in a function; fit for a terminal.
    func functionName(at address: UInt32) -> String? { functionSymbol(at: address).map { ForeignText.line($0.name) } }

    private static func plainName(_ name: String) -> String {
        if name.hasPrefix("_Z"), let count = Int(name.dropFirst(2).prefix { $0.isNumber && $0.isASCII }), count > 0 {
            return String(name.dropFirst(2).drop { $0.isNumber && $0.isASCII }.prefix(count))
        }
        return String(name.prefix { $0 != "." })
    }
}
