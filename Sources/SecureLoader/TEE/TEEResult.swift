// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A GlobalPlatform TEE return code, as OP-TEE hands it to Linux. Source: GlobalPlatform TEE Internal Core API §3.3.
public struct TEEResult: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let success = TEEResult(rawValue: 0)
    public static let generic = TEEResult(rawValue: 0xFFFF_0000)
    public static let accessDenied = TEEResult(rawValue: 0xFFFF_0001)
    public static let cancel = TEEResult(rawValue: 0xFFFF_0002)
    public static let badFormat = TEEResult(rawValue: 0xFFFF_0005)
    public static let badParameters = TEEResult(rawValue: 0xFFFF_0006)
    public static let badState = TEEResult(rawValue: 0xFFFF_0007)
    public static let notImplemented = TEEResult(rawValue: 0xFFFF_0009)
    public static let notSupported = TEEResult(rawValue: 0xFFFF_000A)
    public static let noData = TEEResult(rawValue: 0xFFFF_000B)
    public static let outOfMemory = TEEResult(rawValue: 0xFFFF_000C)
    public static let busy = TEEResult(rawValue: 0xFFFF_000D)
    public static let security = TEEResult(rawValue: 0xFFFF_000F)
    public static let shortBuffer = TEEResult(rawValue: 0xFFFF_0010)
    public static let targetDead = TEEResult(rawValue: 0xFFFF_3024)
    public static let signatureInvalid = TEEResult(rawValue: 0xFFFF_3072)
    public static let corruptObject = TEEResult(rawValue: 0xF010_0001)

    /// Names in OP-TEE's headers.
    private static let names: [TEEResult: String] = [
        .success: "TEE_SUCCESS",
        .generic: "TEE_ERROR_GENERIC",
        .accessDenied: "TEE_ERROR_ACCESS_DENIED",
        .cancel: "TEE_ERROR_CANCEL",
        .badFormat: "TEE_ERROR_BAD_FORMAT",
        .badParameters: "TEE_ERROR_BAD_PARAMETERS",
        .badState: "TEE_ERROR_BAD_STATE",
        .notImplemented: "TEE_ERROR_NOT_IMPLEMENTED",
        .notSupported: "TEE_ERROR_NOT_SUPPORTED",
        .noData: "TEE_ERROR_NO_DATA",
        .outOfMemory: "TEE_ERROR_OUT_OF_MEMORY",
        .busy: "TEE_ERROR_BUSY",
        .security: "TEE_ERROR_SECURITY",
        .shortBuffer: "TEE_ERROR_SHORT_BUFFER",
        .targetDead: "TEE_ERROR_TARGET_DEAD",
        .signatureInvalid: "TEE_ERROR_SIGNATURE_INVALID",
        .corruptObject: "TEE_ERROR_CORRUPT_OBJECT",
    ]
    /// Those with names, by number.
    public static var named: [TEEResult] { names.keys.sorted { $0.rawValue < $1.rawValue } }

    /// The name in OP-TEE's headers, such as `TEE_ERROR_SIGNATURE_INVALID`; the number in hex for a code without one here.
    public var name: String { Self.names[self] ?? hex32(rawValue) }

    public var description: String { "\(name) (\(hex32(rawValue)))" }
}

extension TEEResult: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        self.init(rawValue: try container.decode(UInt32.self, forKey: .code))
    }

    /// `{"name": "TEE_ERROR_…", "code": 4294901760}`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(name, forKey: .name)
        try container.encode(rawValue, forKey: .code)
    }

    private enum Keys: String, CodingKey { case name, code }
}
