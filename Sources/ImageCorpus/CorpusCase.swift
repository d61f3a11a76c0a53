// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import SecureLoader

/// A signed image, and what OP-TEE's remoteproc TA answers to it.
public struct CorpusCase: Sendable {
    /// What OP-TEE's C code does where it is not what ours does on purpose.
    public enum Reference: Sendable, Equatable {
        case same
        /// It panics, which Linux sees as TARGET_DEAD.
        case panics
        /// It reads outside of the image; what it answers depends on what lies there.
        case readsOutside
    }

    /// `group.field.value`, unique.
    public var name: String
    public var image: [UInt8]
    public var expected: TEEResult
    /// The resource table that GET_RSC_TABLE tells of, as `verify --batch` writes it: ADDRESS:SIZE in hex; `-` for none, nil when the
    /// case does not say.
    public var table: String?
    /// The check that decides, by its function in OP-TEE's source.
    public var check: String
    public var reference: Reference
    /// The platform that the expectation is for.
    public var support: SignatureSupport = .rsaOnly
}

/// Cases in the making.
struct CaseList {
    private(set) var cases: [CorpusCase] = []

    mutating func add(
        _ name: String, _ image: [UInt8], _ expected: TEEResult, _ check: String, table: String? = nil,
        reference: CorpusCase.Reference = .same, support: SignatureSupport = .rsaOnly
    ) {
        cases.append(
            CorpusCase(name: name, image: image, expected: expected, table: table, check: check, reference: reference, support: support))
    }

    /// The case of a container that is changed before it is signed.
    mutating func add(
        _ name: String, _ base: Container, _ expected: TEEResult, _ check: String, table: String? = nil,
        reference: CorpusCase.Reference = .same, support: SignatureSupport = .rsaOnly, edit: (inout Container) -> Void = { _ in }
    ) throws {
        var container = base
        edit(&container)
        add(name, try container.bytes(), expected, check, table: table, reference: reference, support: support)
    }

    mutating func append(_ others: [CorpusCase]) { cases += others }
}

func hex(_ value: some BinaryInteger) -> String { "0x" + String(value, radix: 16) }
