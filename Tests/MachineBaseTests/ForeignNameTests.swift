// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import Testing

/// A name is its bytes, and has a text of its own.
@Suite struct ForeignNameTests {
    @Test("Every name is had again from its text and from its line, so that two names never look alike")
    func roundTrip() {
        // Whatever could be taken for an escape, and pieces of characters.
        let pieces: [[UInt8]] = [
            [0xFF], [0xC3], [0xA9], [0xE2, 0x80, 0xAE], [0x65, 0xCC, 0x81], [0x5C], Array("x".utf8), Array("xff".utf8), Array("5c".utf8), Array("n".utf8), [0x0A], [0x1B], [0xF0, 0x9F], [],
        ]
        var texts: Set<[UInt8]> = [], lines: Set<[UInt8]> = [], names: Set<ForeignName> = []
        for a in pieces {
            for b in pieces {
                for c in pieces {
                    for d in pieces {
                        let name = ForeignName(bytes: a + b + c + d)
                        names.insert(name)
                        texts.insert(Array(name.text.utf8))
                        lines.insert(Array(name.description.utf8))
                        #expect(ForeignName(shown: name.text) == name)
                        #expect(ForeignName(shown: ForeignText.component(name.bytes)) == name)
                    }
                }
            }
        }
        #expect(names.count > 10_000 && texts.count == names.count && lines.count == names.count)
    }

    @Test("Names are equal when their bytes are, as for strcmp")
    func bytes() {
        #expect(ForeignName("caf\u{E9}") != ForeignName("cafe\u{301}"))
        #expect(ForeignName(bytes: [0xFF]) != ForeignName(bytes: [0xFE]) && ForeignName(bytes: [0xFF]).text == #"\xff"# && ForeignName(#"\xff"#).text == #"\x5cxff"#)
        #expect(ForeignName("rpmsg-tty").text == "rpmsg-tty" && ForeignName(#"a\b"#).text == #"a\b"#)
    }
}
