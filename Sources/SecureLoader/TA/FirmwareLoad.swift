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
