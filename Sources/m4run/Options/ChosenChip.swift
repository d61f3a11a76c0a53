// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips

extension SoCDescription {
    /// The chip that the command runs.
    static let chosen = SoCDescription.stm32mp157

    /// First address of the external memory as the options' texts have it: `0xC0000000`.
    var externalStartText: String { "0x" + String(externalStart.value, radix: 16, uppercase: true) }
    /// MiB of external memory that the engine has room for.
    var mostExternal: UInt32 { externalMemory.size >> 20 }
}
