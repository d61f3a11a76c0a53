// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// The trusted application's heap, which is small and decides how large an image's TLV area can be.
///
/// Source: OP-TEE ta/remoteproc, CFG_REMOTEPROC_TA_HEAP_SIZE. What an allocation costs beside its bytes is an estimate.
struct TAHeap: Equatable {
    /// In bytes.
    let capacity: Int
    private(set) var used = 0

    init(capacity: Int) { self.capacity = capacity }

    mutating func allocate(_ size: Int, for purpose: String, at offset: Int? = nil) throws(TEEFailure) {
        let cost = (size &+ 7) & ~7 &+ Self.overhead
        guard cost <= capacity - used else {
            throw TEEFailure(
                .outOfMemory, .heap, at: offset,
                "\(purpose) needs \(size) bytes of the TA's heap; of \(capacity), \(max(0, capacity - used - Self.overhead)) are free"
            )
        }
        used += cost
    }

    mutating func free(_ size: Int) { used = max(0, used - ((size &+ 7) & ~7 &+ Self.overhead)) }

    private static let overhead = 8
    /// `struct remoteproc_context` of a 32-bit build.
    static let contextSize = 60
}
