// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import M4Board
import MP1Peripherals
import MachineBase
import RprocHost

/// What the observers have gathered at the end of an examination, with the machine as it stands then. A rule reads it, and changes nothing.
struct Observations {
    let system: MP1System
    let image: FirmwareImage
    let symbols: FirmwareSymbols
    /// What the core did at the end.
    let core: CoreObservation
    let watch: EntryWatch
    let talk: Conversation
    let complaints: Complaints

    /// What the kernel complained of.
    var kernelErrors: [KernelLogRecord] { complaints.kernelErrors }
    /// First accesses to registers without a model.
    var unmodelled: [UnmodelledAccess] { complaints.unmodelled }
    /// The first fault that Linux was told of as a crash, with its callers as they were then.
    var crash: Complaints.Crash? { complaints.crash }
    /// Faults that Linux was told of.
    var crashes: Int { complaints.crashes }
}
