// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// As much of DER as is to be known before a library reads a key, and of what it does not read: how long its numbers are, what it names, how PKCS#1 is
/// wrapped. Source: X.690, RFC 8017 A.1.
enum DER {
    /// The numbers in it, at any depth and in their order: big-endian, without zeros in front; none in what is no DER.
    ///
    /// - Parameter inStrings: whether also in what strings contain, as a key in PKCS#8 does.
    static func integers(_ der: [UInt8], inStrings: Bool) -> [ArraySlice<UInt8>] {
        var found: [ArraySlice<UInt8>] = []
        look(der[...], inStrings, depth: 0, &found)
        return found
    }

    static func bits(_ integer: ArraySlice<UInt8>) -> Int { integer.count * 8 - (integer.first?.leadingZeroBitCount ?? 0) }

    /// Tags.
    static let integer: UInt8 = 0x02, bits: UInt8 = 0x03, octets: UInt8 = 0x04, identifier: UInt8 = 0x06, sequence: UInt8 = 0x30

    /// An element, of which nothing but its length was looked at.
    struct Node {
        let tag: UInt8
        let content: ArraySlice<UInt8>

        /// Of a constructed element; up to where they are elements.
        var children: [Node] {
            guard tag & 0x20 != 0 else { return [] }
            var rest = content, found: [Node] = []
            while let (tag, content) = DER.next(&rest) { found.append(Node(tag: tag, content: content)) }
            return found
        }

        /// Such as `1.2.840.10045.2.1`; nil of what is no object identifier, or has a number of more than 56 bits in it.
        var identifier: String? {
            guard tag == DER.identifier, let last = content.last, last < 0x80 else { return nil }
            var numbers: [UInt64] = [], number: UInt64 = 0
            for byte in content {
                guard number < 1 << 49 else { return nil }
                number = number << 7 | UInt64(byte & 0x7F)
                guard byte < 0x80 else { continue }
                if numbers.isEmpty {
                    let first = min(number / 40, 2)
                    numbers = [first, number - first * 40]
                } else {
                    numbers.append(number)
                }
                number = 0
            }
            return numbers.map(String.init).joined(separator: ".")
        }

        func isInteger(_ value: UInt8) -> Bool { tag == DER.integer && content.elementsEqual([value]) }
    }

    /// The first element; nil of what is none.
    static func node(_ der: ArraySlice<UInt8>) -> Node? {
        var rest = der
        return next(&rest).map { Node(tag: $0.tag, content: $0.content) }
    }

    /// The object identifiers in it, outside of strings and in their order.
    static func identifiers(_ der: [UInt8]) -> [String] {
        func look(_ node: Node, depth: Int) -> [String] {
            depth > deepest ? [] : node.identifier.map { [$0] } ?? node.children.flatMap { look($0, depth: depth + 1) }
        }
        return node(der[...]).map { look($0, depth: 0) } ?? []
    }

    private static let deepest = 8

    private static func look(_ der: ArraySlice<UInt8>, _ inStrings: Bool, depth: Int, _ found: inout [ArraySlice<UInt8>]) {
        var rest = der
        while let (tag, content) = next(&rest), depth < deepest {
            switch tag {
            case 0x02: found.append(content.drop { $0 == 0 })
            case 0x04 where inStrings: look(content, inStrings, depth: depth + 1, &found)
            // Behind the number of bits that are not used.
            case 0x03 where inStrings: look(content.dropFirst(), inStrings, depth: depth + 1, &found)
            case let tag where tag & 0x20 != 0: look(content, inStrings, depth: depth + 1, &found)
            default: break
            }
        }
    }

    /// The first element's tag and content; nil at the end, and of what is none.
    private static func next(_ rest: inout ArraySlice<UInt8>) -> (tag: UInt8, content: ArraySlice<UInt8>)? {
        guard let tag = rest.popFirst(), let first = rest.popFirst() else { return nil }
        var count = Int(first)
        if first >= 0x80 {
            let bytes = rest.prefix(Int(first & 0x7F))
            guard (1...4).contains(bytes.count), bytes.count == Int(first & 0x7F) else { return nil }
            rest = rest.dropFirst(bytes.count)
            count = bytes.reduce(0) { $0 << 8 | Int($1) }
        }
        guard count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return (tag, rest.prefix(count))
    }

    /// SubjectPublicKeyInfo of a PKCS#1 public key.
    static func publicKeyInfo(pkcs1: [UInt8]) -> [UInt8] {
        // SEQUENCE { OID rsaEncryption, NULL }
        let algorithm: [UInt8] = [0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00]
        return element(0x30, algorithm + element(0x03, [0] + pkcs1))
    }

    private static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        var count = content.count, length: [UInt8] = []
        while count > 0 {
            length.insert(UInt8(truncatingIfNeeded: count), at: 0)
            count >>= 8
        }
        let isShort = content.count < 0x80
        return [tag] + (isShort ? [UInt8(content.count)] : [0x80 | UInt8(length.count)] + length) + content
    }
}
