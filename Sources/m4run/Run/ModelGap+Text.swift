// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board

extension ModelGap {
    /// What a run's last lines say of it.
    var lastLine: String {
        switch self {
        case .register: "at the end the M4 still polled \(self)"
        case .feature: "at the end this was still on: \(self)"
        case .interrupt: "at the end this was enabled and had never come: \(self)"
        }
    }
}
