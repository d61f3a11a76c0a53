// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import RprocHost

/// Something that a person following a run wants to see, with its virtual time.
public enum SystemEvent {
    case kernelLog(KernelLogRecord)
    /// What Linux passes over in silence.
    indirect case finding(VirtualTime, Finding)
    /// The resource table was copied to where Linux looks for it.
    indirect case tablePlaced(VirtualTime, TablePlacement)
    /// A line of the firmware's trace buffer, without its newline.
    case trace(VirtualTime, index: Int, line: String)
    /// A message from the firmware on a tty.
    case ttyReceived(VirtualTime, tty: Int, [UInt8])
    case ttySent(VirtualTime, tty: Int, [UInt8])
    case rawReceived(VirtualTime, device: Int, source: UInt32, [UInt8])
    /// From the board: text in the pieces it comes in (see `OutputLines`), what has no model, interrupts to Linux, pins.
    case board(VirtualTime, BoardEvent)
    /// A rule of `HostConfiguration.kickFaults` acted on a doorbell.
    indirect case kickFault(VirtualTime, KickFault.Event)
    /// The firmware reset the M4 (AIRCR.SYSRESETREQ; `local`: VECTRESET), and the run goes on: with the firmware from its start, or, where
    /// boot is held, with the M4 in reset.
    case reset(VirtualTime, local: Bool, isHeld: Bool)
    case stopped(VirtualTime, StopReason)
    /// A fault or lockup that was reported to Linux as a crash; the run goes on.
    case crashed(VirtualTime, StopReason)
}
