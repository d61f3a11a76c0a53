// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A `TEE_Result` other than success.
public struct TEEError: Error, Equatable, Sendable, CustomStringConvertible {
    /// GlobalPlatform's number: 0xFFFF0006 is TEE_ERROR_BAD_PARAMETERS.
    public var code: UInt32
    /// The number's name without its prefix: `BAD_PARAMETERS`.
    public var name: String
    /// A sentence for people; the kernel never sees it.
    public var detail: String
    /// The refusal as who refused has it. Linux only passes it on; it takes no part in comparisons.
    public var refusal: (any Error)?
    public init(code: UInt32, name: String, detail: String = "", refusal: (any Error)? = nil) {
        self.code = code; self.name = name; self.detail = detail; self.refusal = refusal
    }
    public static func == (a: TEEError, b: TEEError) -> Bool { (a.code, a.name, a.detail) == (b.code, b.name, b.detail) }
    public var description: String { "TEE_ERROR_\(name) (\(hex32(code)))" + (detail.isEmpty ? "" : ": \(detail)") }

    public static let badState = TEEError(code: 0xFFFF_0007, name: "BAD_STATE")
    public static let badParameters = TEEError(code: 0xFFFF_0006, name: "BAD_PARAMETERS")
    public static let security = TEEError(code: 0xFFFF_000F, name: "SECURITY")
    public static let generic = TEEError(code: 0xFFFF_0000, name: "GENERIC")
}

/// The remoteproc trusted application as Linux's TEE client calls it, one session for processor 0.
///
/// Source: "remoteproc tee" patch series, versions 3 and 22; commands 1, 4, 2, 3, 6 of TA 80a4c275-0a47-4905-8285-1486a9771a08.
public protocol TrustedFirmware: AnyObject {
    /// TA LOAD_FW: authenticates `image` and loads its segments.
    func load(image: [UInt8]) throws(TEEError)
    /// TA GET_RSC_TABLE: where the loaded resource table is; nil when the images hold none (address and size 0).
    func resourceTable() throws(TEEError) -> PhysicalRange?
    /// TA START_FW: releases hold boot. The M4 executes from here on.
    func start() throws(TEEError)
    /// TA STOP_FW: holds and resets the M4.
    func stop() throws(TEEError)
    /// TA RELEASE_FW: clears the memory regions. The version 3 client never calls it.
    func release() throws(TEEError)
}
