// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The memory that a loaded resource table makes Linux's business: the table itself, and the trace buffers, carveouts and rings
/// that it names.
///
/// A firmware often has them inside a segment (a trace buffer in its .bss), and Linux maps them all.
struct SharedRanges {
    var ranges: [PhysicalRange]

    /// Reads the table where it was loaded. An entry whose memory is not the processor's adds nothing.
    init(resourceTable: PhysicalRange, memory: ProcessorMemory, platform: any SecurePlatform) {
        ranges = [resourceTable]
        guard let bytes = try? platform.read(resourceTable) else { return }
        for (address, size) in ResourceTableSummary(bytes).sharedMemory {
            guard let start = memory.physical(address, size: size) else { continue }
            ranges.append(PhysicalRange(start: start, size: size))
        }
    }
}
