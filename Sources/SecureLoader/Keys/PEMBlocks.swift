// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// One block of a PEM file. Source: RFC 7468, and RFC 1421 for the header lines of encrypted traditional keys.
struct PEMBlock: Equatable {
    /// Such as `PRIVATE KEY`.
    var label: String
    /// From its BEGIN line to its END line.
    var text: String

    /// What the text encodes; nil when it does not decode, or has header lines.
    var der: [UInt8]? { Base64.decode(text.split(separator: "\n").dropFirst().dropLast().joined()) }

    /// A traditional key with `Proc-Type: 4,ENCRYPTED`.
    var hasEncryptionHeader: Bool { text.contains("Proc-Type: 4,ENCRYPTED") }

    /// Of `DEK-Info: AES-256-CBC,<initialisation vector in hex>`.
    var encryption: (cipher: String, vector: String)? {
        guard let header = text.split(separator: "\n").first(where: { $0.hasPrefix("DEK-Info:") }) else { return nil }
        let words = header.dropFirst("DEK-Info:".count).split(separator: ",").map { String($0.filter { !$0.isWhitespace }) }
        return words.count == 2 ? (words[0], words[1]) : nil
    }

    /// What is behind the header lines of an encrypted traditional key.
    var ciphertext: [UInt8]? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return Base64.decode(lines.drop { !$0.allSatisfy(\.isWhitespace) }.filter { !$0.hasPrefix("-----") }.joined())
    }

    /// The largest text of which blocks are taken, and the largest block: room for several times the largest key.
    static let mostText = 1 << 20, mostBlock = 1 << 16

    /// The blocks of a text in order; what is outside blocks, or a block without its END line, is passed over.
    static func blocks(in text: String) throws(KeyError) -> [PEMBlock] {
        guard text.utf8.count <= mostText else { throw .tooLarge(what: "the key file", bytes: text.utf8.count, allowed: mostText) }
        var blocks: [PEMBlock] = []
        var label: String?
        var lines: [Substring] = []
        // Empty lines count: one ends the header lines of an encrypted key.
        for whole in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            let line = whole.last?.isWhitespace == true ? trimmed(whole) : whole
            if let begun = boundary(line, "BEGIN") {
                label = begun
                lines = [line]
            } else if let current = label {
                lines.append(line)
                guard boundary(line, "END") == current else { continue }
                let text = lines.joined(separator: "\n") + "\n"
                guard text.utf8.count <= mostBlock else {
                    throw .tooLarge(what: "the PEM block \(current)", bytes: text.utf8.count, allowed: mostBlock)
                }
                blocks.append(PEMBlock(label: current, text: text))
                label = nil
            }
        }
        return blocks
    }

    /// The label of the text's last block, where that has no END line.
    static func unfinished(in text: String) -> String? {
        var label: String?
        for whole in text.split(whereSeparator: \.isNewline) {
            let line = trimmed(whole)
            if let begun = boundary(line, "BEGIN") { label = begun } else if label != nil, boundary(line, "END") == label { label = nil }
        }
        return label.map { String($0.prefix(64)) }
    }

    private static func trimmed(_ line: Substring) -> Substring { line.prefix(upTo: line.lastIndex { !$0.isWhitespace }.map(line.index(after:)) ?? line.startIndex) }

    /// A key file's text: UTF-8, or UTF-16 with a byte order mark, which editors and shells on Windows write. The mark is no part of it.
    static func text(_ file: [UInt8]) -> String {
        let isLittle = file.starts(with: [0xFF, 0xFE])
        if isLittle || file.starts(with: [0xFE, 0xFF]) {
            let units = stride(from: 2, to: file.count - 1, by: 2).map { UInt16(file[$0]) << (isLittle ? 0 : 8) | UInt16(file[$0 + 1]) << (isLittle ? 8 : 0) }
            return String(decoding: units, as: UTF16.self)
        }
        return String(decoding: file.starts(with: [0xEF, 0xBB, 0xBF]) ? file[3...] : file[...], as: UTF8.self)
    }

    private static func boundary(_ line: Substring, _ word: String) -> String? {
        let prefix = "-----\(word) ", suffix = "-----"
        guard line.hasPrefix(prefix), line.hasSuffix(suffix), line.count > prefix.count + suffix.count else { return nil }
        return String(line.dropFirst(prefix.count).dropLast(suffix.count))
    }

    /// With lines of 64 characters, and one for the beginning and one for the end.
    static func text(_ label: String, _ der: [UInt8]) -> String {
        let digits = Array(Base64.encode(der).utf8)
        let lines = stride(from: 0, to: digits.count, by: 64).map { String(decoding: digits[$0..<min($0 + 64, digits.count)], as: UTF8.self) + "\n" }
        return "-----BEGIN \(label)-----\n\(lines.joined())-----END \(label)-----\n"
    }
}
