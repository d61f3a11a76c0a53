// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

import SecureLoader

/// The whole secure side on memory of its own: platform, PTA, TA, and one open session.
struct Board {
    let platform = InMemorySecurePlatform()
    let pta: RemoteprocPTA
    let ta: RemoteprocTA
    let session: RemoteprocSession

    init(
        _ signatures: SignaturePolicy = .trusted([TestKeys.rsa.trusted]), support: SignatureSupport = .rsaOnly,
        isolation: Isolation = .segments, heapSize: Int = 4096
    ) throws {
        pta = RemoteprocPTA(
            platform: platform,
            configuration: .init(signatures: signatures, support: support, isolation: isolation))
        ta = RemoteprocTA(pta: pta, heapSize: heapSize)
        session = try RemoteprocSession(ta)
    }

    /// What refuses `image`; nil when it loads.
    func refusal(of image: [UInt8]) -> TEEFailure? {
        do throws(TEEFailure) {
            try session.loadFirmware(image)
            return nil
        } catch { return error }
    }

    func memory(_ address: UInt32, _ count: UInt32) throws -> [UInt8] {
        try platform.read(PhysicalRange(start: PhysicalAddress(address), size: count))
    }
}
