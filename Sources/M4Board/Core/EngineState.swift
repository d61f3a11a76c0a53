// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn

/// What of the engine changes: the core's registers, what has been counted, the newest blocks.
struct EngineState: Equatable, Sendable {
    var values = m4_engine_state()

    /// There is no padding.
    static func == (a: EngineState, b: EngineState) -> Bool {
        withUnsafeBytes(of: a.values) { a in withUnsafeBytes(of: b.values) { b in a.elementsEqual(b) } }
    }
}

extension Engine {
    var state: EngineState {
        var state = EngineState()
        m4_engine_save(raw, &state.values)
        return state
    }

    /// Forgets all translations, too.
    func restore(_ state: EngineState) -> uc_err { withUnsafePointer(to: state.values) { m4_engine_restore(raw, $0) } }
}
