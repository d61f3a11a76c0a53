// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import CortexM

extension CoreVariant {
    /// The model of a chip's core.
    init(_ core: CoreKind) {
        self = switch core {
        case .cortexM4: .cortexM4
        }
    }
}
