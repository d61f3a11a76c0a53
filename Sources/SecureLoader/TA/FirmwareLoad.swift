// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import MachineBase

/// One LOAD_FW: the image in Linux's memory, what is verified of it, and what is loaded.
///
/// The order of the checks is the TA's: which of an image's faults is answered depends on it.
struct FirmwareLoad {
    let image: any SharedMemory
    let processor: UInt32
    let pta: RemoteprocPTA
    /// Is told of every check that the image has passed; see ``RemoteprocTA/onCheck``.
    var onCheck: ((LoadCheck) -> Void)?
    let work = LoadWork()

    /// Verifies and loads; returns where the resource table is. On a refusal memory stays as it is.
    func run(heap: TAHeap) throws(TEEFailure) -> PhysicalRange? {
        guard image.count > 0 else { throw TEEFailure(.badParameters, .emptyImage, "the image buffer is empty") }
        passed(.emptyImage, "\(image.count) bytes", "at least 1")
        var heap = heap
        let verified = try verify(&heap)
        let table = try loadImages(verified, &heap)
        pta.isolate(resourceTable: table)
        return table
    }
}

/// How much one LOAD_FW has copied, hashed and cleared.
///
/// OP-TEE has no limit: e_phnum times the memory's size is minutes of work for a file of two megabytes. Here that ends.
final class LoadWork {
    private var bytes = 0

    func add(_ segment: ProgramHeader) { bytes += Int(max(segment.fileSize, segment.memorySize)) }

    /// - Throws: what no image meets that loads every part of `memory` a few times.
    func check(_ memory: ProcessorMemory, at offset: Int, _ segment: String) throws(TEEFailure) {
        let most = (64 << 20) + 4 * memory.regions.reduce(0) { $0 + Int($1.physical.size) }
        guard bytes <= most else {
            throw TEEFailure(
                .cancel, .work, at: offset,
                "\(segment): \(bytes) bytes were loaded before it, again and again to the same memory; m4run ends it behind \(most), OP-TEE would "
                    + "go on")
        }
    }
}
