// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import TestSupport
import Testing

extension Bench {
    /// Runs a program that ends with `Bench.exit`.
    func runToExit(_ location: SourceLocation = #_sourceLocation) {
        let reason = run()
        #expect(reason == .exit(code: 0), "\(reason)", sourceLocation: location)
    }
}
