// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase

/// What the TA answers to an image.
public struct LoadVerdict: Equatable, Sendable {
    /// nil when the image loads.
    public var failure: TEEFailure?
    /// Where GET_RSC_TABLE says that the loaded table is; nil when there is none.
    public var resourceTable: PhysicalRange?

    public init(failure: TEEFailure? = nil, resourceTable: PhysicalRange? = nil) { self.failure = failure; self.resourceTable = resourceTable }

    /// What crosses to Linux.
    public var result: TEEResult { failure?.result ?? .success }
}

/// Puts images to the trusted application, each to one that has never seen another: a new TA and PTA, on memory that is all zero.
///
/// Made once for many images: keys are not parsed again, and of the memory only what an image touched is cleared.
public final class ImageJudge {
    private let platform: InMemorySecurePlatform
    private let configuration: RemoteprocPTA.Configuration
    private let heapSize: Int

    /// - Parameters:
    ///   - chip: whose memories the image is loaded to.
    ///   - signatures: the trusted keys, or that signatures are not checked.
    ///   - support: the platform's kinds of signature; the STM32MP1's is RSA only.
    ///   - heapSize: of the TA, in bytes.
    public init(_ chip: SoCDescription = .stm32mp157, signatures: SignaturePolicy, support: SignatureSupport = .rsaOnly, heapSize: Int = 4096) {
        platform = InMemorySecurePlatform(chip)
        configuration = .init(chip, signatures: signatures, support: support, isolation: .none)
        self.heapSize = heapSize
    }

    /// Opens a session, loads, asks for the resource table, and closes.
    ///
    /// - Parameter onCheck: is told of every check that the image passes, in the TA's order.
    public func verdict(on image: [UInt8], onCheck: ((LoadCheck) -> Void)? = nil) -> LoadVerdict {
        verdict(on: ImageBuffer(image), onCheck: onCheck)
    }

    /// The same for an image that is not in one piece.
    public func verdict(on image: some SharedMemory, onCheck: ((LoadCheck) -> Void)? = nil) -> LoadVerdict {
        platform.reset()
        let ta = RemoteprocTA(platform: platform, configuration: configuration, heapSize: heapSize)
        ta.onCheck = onCheck
        do throws(TEEFailure) {
            let session = try RemoteprocSession(ta)
            defer { session.close() }
            try session.loadFirmware(image)
            return LoadVerdict(failure: nil, resourceTable: try session.resourceTable())
        } catch { return LoadVerdict(failure: error, resourceTable: nil) }
    }
}
