// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Debugger
import Testing

@Suite struct PacketTests {
    private func elements(_ text: String, limit: Int = 64) -> [PacketParser.Element] { elements(Array(text.utf8), limit: limit) }
    private func elements(_ bytes: [UInt8], limit: Int = 64) -> [PacketParser.Element] {
        var parser = PacketParser(limit: limit)
        return bytes.compactMap { parser.take($0) }
    }
    private func packet(_ text: String) -> PacketParser.Element { .packet(Array(text.utf8)) }

    @Test("A packet comes whole from whatever pieces, and what lies between packets is dropped")
    func pieces() {
        #expect(elements("xx$g#67zz$m0,4#fd") == [packet("g"), packet("m0,4")])
        #expect(elements("+-\u{3}") == [.acknowledged, .refused, .interrupt])
    }

    @Test("0x03 inside of a packet is a byte of it") func interruptInside() {
        #expect(elements([0x24, 0x58, 0x03, 0x23, 0x35, 0x62]) == [.packet([0x58, 0x03])])
    }

    @Test("A wrong checksum, or one that is no number, makes the packet damaged; the next one is read")
    func damaged() {
        #expect(elements("$g#68$g#67") == [.damaged, packet("g")])
        #expect(elements("$g#6x$g#67") == [.damaged, packet("g")])
    }

    @Test("A packet that another one begins in is forgotten") func restarted() { #expect(elements("$m100$g#67") == [packet("g")]) }

    @Test("Escapes and run lengths are undone; their checksum is of what was sent")
    func encodings() {
        // '}' and 0x03 make '#'; '0* ' is four zeros.
        #expect(elements(PacketWriter.framed([0x23, 0x24, 0x7D, 0x2A])) == [.packet([0x23, 0x24, 0x7D, 0x2A])])
        #expect(elements("$0* #7a") == [packet("0000")])
        // Nothing repeats nothing, and a count that is no printable character says nothing.
        #expect(elements("$* #4a") == [packet("")])
    }

    @Test("What is longer than the limit is said to be, once, and keeps no more than the limit")
    func tooLong() {
        let long = PacketWriter.framed([UInt8](repeating: 0x61, count: 65))
        #expect(elements(long) == [.tooLong])
        #expect(elements(PacketWriter.framed([UInt8](repeating: 0x61, count: 64))).count == 1)
        // Run lengths do not go beyond it.
        let runs = "a" + String(repeating: "*~", count: 1000)
        let sum = runs.utf8.reduce(UInt8(0)) { $0 &+ $1 }
        #expect(elements("$\(runs)#" + (sum < 16 ? "0" : "") + String(sum, radix: 16)) == [.tooLong])
    }

    @Test("No bytes trap the parser, and packets survive any garbage between them")
    func garbage() {
        var state: UInt64 = 1
        for _ in 0..<200 {
            var bytes: [UInt8] = []
            for _ in 0..<300 {
                state = state &* 6364136223846793005 &+ 1442695040888963407
                bytes.append(UInt8(truncatingIfNeeded: state >> 33))
            }
            var parser = PacketParser(limit: 32)
            for byte in bytes { if case .packet(let packet)? = parser.take(byte) { #expect(packet.count <= 32) } }
            // Whatever came before: the end of a packet that may have begun, then one that is whole.
            let rest = Array("#00#00".utf8) + PacketWriter.framed(Array("g".utf8))
            #expect(rest.compactMap { parser.take($0) }.last == packet("g"))
        }
    }
}
