// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import M4Board
import MachineBase
import SourceLines

/// The symbols of a firmware image: an ELF, or the ELFs in a signed container.
public struct FirmwareSymbols: Sendable {
    private let image: FirmwareImage
    /// What debugging information says; nothing of it is read before the first question.
    public var lines: SourceLines { image.lines }
    /// Whether call chains may ask debugging information: false where nobody may ever look at them.
    public var usesFrameRules = true
    /// Functions and objects, by address.
    var symbols: [Symbol] { image.symbols }

    /// Reads nothing before a name is asked for.
    public init(of image: FirmwareImage) { self.image = image }

    /// Those of no image.
    public static let none = FirmwareSymbols(of: FirmwareImage([]))

    public var isEmpty: Bool { symbols.isEmpty }

    /// The symbol of that name; a function before anything else.
    public subscript(name: String) -> Symbol? {
        let named = image.symbols(named: name)
        return named.first { $0.kind == .function } ?? named.first
    }

    /// `main+0x12` for an address in a function; fit for a terminal, whatever the ELF names its functions.
    public func name(at address: UInt32) -> String? { symbol(of: address, in: address) }

    /// The function that `address` lies in.
    func functionSymbol(at address: UInt32) -> Symbol? {
        let symbols = symbols
        var low = 0, high = symbols.count
        while low < high {
            let middle = (low + high) / 2
            if symbols[middle].address <= address { low = middle + 1 } else { high = middle }
        }
        return symbols[..<low].reversed().prefix(32).first { $0.kind == .function && ($0.size == 0 || address &- $0.address < $0.size) }
    }

    /// What is named in a `LOCATION` of the command line.
    public enum LocationError: Error, Equatable, Sendable, CustomStringConvertible {
        case noName(String)
        case noSymbols(String)
        case unknown(String, similar: [String])
        case badNumber(String)
        case noSize(String)
        case badAccess(String)
        case beyond(String)
        case badValue(String)
        case tooMuch(String)
        /// No code of a line of the sources.
        case source(String, SourceSearchError)

        public var description: String {
            switch self {
            case .noName(let text): "'\(text)': neither a symbol nor an address"
            case .noSymbols(let name): "\(name): the image has no symbols; give an address, as 0x10000400"
            case .unknown(let name, let similar):
                "\(name): no such symbol in the image" + (similar.isEmpty ? "" : "; near: \(similar.joined(separator: ", "))")
            case .badNumber(let text): "\(text): not a number of 32 bits"
            case .noSize(let text): "\(text): a size is 1 to 65536 bytes"
            case .badAccess(let text): "'\(text)': an access is r, w or rw, a size a number"
            case .beyond(let text): "\(text): ends beyond the address space"
            case .badValue(let text): "'\(text)': the value of a condition is a number that fits the size, of 8 bytes at most"
            case .source(let text, let error): "\(text): \(error)"
            case .tooMuch(let text): "\(text): allowed is location[:size][:r|w|rw][=value]"
            }
        }
    }

    /// The device address of `SYMBOL`, `SYMBOL+OFFSET` or a number, without the Thumb bit, and the symbol's size; 0 when unknown.
    public func location(_ text: String) -> Result<(address: UInt32, size: UInt32), LocationError> {
        if text.first?.isASCII == true, text.first?.isNumber == true {
            return Self.number(text).map { .success(($0, 0)) } ?? .failure(.badNumber(text))
        }
        let parts = text.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let name = parts.first, !name.isEmpty else { return .failure(.noName(text)) }
        guard !isEmpty else { return .failure(.noSymbols(text)) }
        guard let symbol = self[name] else {
            let near = Set(symbols.map(\.name).filter { $0.lowercased().contains(name.lowercased()) }).sorted().prefix(5)
            return .failure(.unknown(name, similar: Array(near)))
        }
        guard parts.count == 2 else { return .success((symbol.address, symbol.size)) }
        guard let offset = Self.number(parts[1]) else { return .failure(.badNumber(parts[1])) }
        let (address, isBeyond) = symbol.address.addingReportingOverflow(offset)
        return isBeyond ? .failure(.beyond(text)) : .success((address, 0))
    }

    /// A watchpoint as `LOCATION[:SIZE][:r|w|rw][=VALUE]`; the symbol's size, or a word, and writes unless told otherwise.
    public func watch(_ text: String) -> Result<Watchpoint, LocationError> {
        let condition = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let parts = condition[0].split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        var rest = parts.dropFirst(), count: UInt32?, access = "w"
        if let part = rest.first, part.first?.isNumber == true {
            guard let size = Self.number(part), (1...65536).contains(size) else { return .failure(.noSize(part)) }
            count = size
            rest = rest.dropFirst()
        }
        if let part = rest.first {
            guard ["r", "w", "rw"].contains(part) else { return .failure(.badAccess(part)) }
            access = part
            rest = rest.dropFirst()
        }
        guard rest.isEmpty else { return .failure(.tooMuch(text)) }
        return location(parts[0]).flatMap { place in
            let size = count ?? (place.size > 0 ? min(place.size, 65536) : 4)
            guard !place.address.addingReportingOverflow(size &- 1).overflow else { return .failure(.beyond(text)) }
            var watchpoint = Watchpoint(address: place.address, count: size, reads: access.contains("r"), writes: access.contains("w"))
            if condition.count == 2 {
                guard size <= 8, let value = Self.value(condition[1], bytes: size) else { return .failure(.badValue(condition[1])) }
                watchpoint.value = value
            }
            return .success(watchpoint)
        }
    }

    /// A number of so many bytes, as they lie in memory; -1 is one, too.
    private static func value(_ text: String, bytes: UInt32) -> UInt64? {
        let isNegative = text.hasPrefix("-"), digits = isNegative ? String(text.dropFirst()) : text
        guard let number = digits.lowercased().hasPrefix("0x") ? UInt64(digits.dropFirst(2), radix: 16) : UInt64(digits) else { return nil }
        let mask = bytes >= 8 ? UInt64.max : (1 << UInt64(bytes * 8)) - 1
        if isNegative { return number <= mask / 2 + 1 ? (0 &- number) & mask : nil }
        return number <= mask ? number : nil
    }

    private static func number(_ text: String) -> UInt32? {
        text.lowercased().hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : UInt32(text)
    }
}
