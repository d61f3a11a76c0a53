// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MP1Peripherals

/// What a board tells the world around it: the other processor, a person, a log. Its time is `M4Board.now` while it is told.
public enum BoardEvent {
    /// From the chip's peripherals.
    case soc(SoCEvent)
    /// WWDG1 has reset the M4.
    case watchdogReset
    /// Characters by ITM, RTT or semihosting.
    case debugText(M4Board.TextSource, [UInt8])
    /// The firmware asked a debug channel for what it cannot do.
    indirect case debugFinding(BoardFinding)

    /// Characters, whatever they came by; of a UART's nine bits the lower eight.
    public var text: (source: M4Board.TextSource, bytes: [UInt8])? {
        switch self {
        case .soc(.transmitted(let uart, let character)): (.uart(uart), [UInt8(truncatingIfNeeded: character)])
        case .debugText(let source, let bytes): (source, bytes)
        default: nil
        }
    }

    /// What the firmware asked for and cannot have, of a block or of a debug channel.
    public var finding: BoardFinding? {
        switch self {
        case .soc(.unsupported(let feature)): .unsupported(feature)
        case .debugFinding(let finding): finding
        default: nil
        }
    }

    /// The first touch of what has no model.
    public var unmodelled: UnmodelledAccess? {
        if case .soc(.unmodelled(let access)) = self { access } else { nil }
    }
}
