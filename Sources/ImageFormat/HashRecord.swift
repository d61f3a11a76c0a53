// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import MachineBase

/// A record of the hash table: a program header, and the SHA-256 of its segment's file bytes. Source: OP-TEE remoteproc TA.
public struct HashRecord: Equatable, Sendable {
    /// In bytes: 32 of program header, 32 of hash.
    public static let size = 64
    public var header: ProgramHeader
    /// 32 bytes.
    public var hash: [UInt8]

    /// The first records of a HASHTABLE value, `limit` of them at most; what is left over past the last whole one is not read.
    public static func records(_ bytes: ArraySlice<UInt8>, limit: Int = .max) -> [HashRecord] {
        (0..<min(bytes.count / size, limit)).compactMap { number in
            let offset = number * size
            return ProgramHeader(bytes, at: offset).map {
                HashRecord(header: $0, hash: Array(bytes.dropFirst(offset + ProgramHeader.size).prefix(32)))
            }
        }
    }
}
