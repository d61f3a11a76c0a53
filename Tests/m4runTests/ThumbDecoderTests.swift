// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// The decoder against a stranger: GNU objdump, by scripts/thumb-check.
@Suite struct ThumbDecoderTests {
    @Test("All 16-bit encodings, and 32-bit ones with every first halfword, are decoded as objdump decodes them", .needs(.objdump), .needs(.python))
    func objdump() throws {
        let result = try Command.run(["8"], in: Scratch.package, program: Scratch.package.appendingPathComponent("scripts/thumb-check"))
        #expect(result.status == 0 && result.out.hasSuffix(" encodings, 0 differ\n"), "\(result.out)\(result.err)")
    }
}
