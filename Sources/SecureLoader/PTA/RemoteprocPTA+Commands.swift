// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import MachineBase

extension RemoteprocPTA {
    /// The PTA's command numbers. Source: OP-TEE remoteproc_pta.h. 2, FIRMWARE_LOAD, is for platforms with formats of their own.
    public enum Command: UInt32, Sendable {
        case hardwareCapabilities = 1
        case firmwareLoad = 2
        case loadSegmentSHA256 = 3
        case setMemory = 4
        case firmwareStart = 5
        case firmwareStop = 6
        case firmwareDAToPA = 7
        case verifyDigest = 8
        case release = 9

        /// The types a command's parameters must have; nil for one that is not implemented.
        var types: UInt32? {
            let none = TEEParameters.noType, value = TEEParameters.valueIn, out = TEEParameters.valueOut
            let memory = TEEParameters.memoryIn
            return switch self {
            case .hardwareCapabilities: TEEParameters.types(value, out, out, none)
            case .firmwareLoad: nil
            case .loadSegmentSHA256: TEEParameters.types(value, memory, value, memory)
            case .setMemory: TEEParameters.types(value, value, value, value)
            case .firmwareStart, .firmwareStop, .release: TEEParameters.types(value, none, none, none)
            case .firmwareDAToPA: TEEParameters.types(value, value, value, out)
            case .verifyDigest: TEEParameters.types(value, memory, memory, memory)
            }
        }
    }

    /// A command in the TEE's terms. Output values are written into `parameters`.
    public func invoke(_ number: UInt32, _ parameters: inout TEEParameters) throws(TEEFailure) {
        guard let command = Command(rawValue: number), let types = command.types else {
            throw TEEFailure(.notImplemented, .command, "the PTA has no command \(number)")
        }
        guard parameters.types == types else { throw .wrongTypes(parameters.types, expected: types) }
        let processor = parameters.p0.value.a
        switch command {
        case .hardwareCapabilities:
            let found = try capabilities(processor: processor)
            parameters.p1 = .valueOutput(a: found.formats)
            parameters.p2 = .valueOutput(a: found.protections)
        case .firmwareLoad: break
        case .loadSegmentSHA256:
            let address = parameters.p2.value
            guard address.b == 0 else {
                throw TEEFailure(
                    .accessDenied, .segmentAddress,
                    "device address high word \(hex32(address.b)); the M4 has 32-bit addresses")
            }
            try loadSegment(
                processor: processor, SharedMemoryPart(whole: parameters.p1.memory, offset: 0, count: parameters.p1.memory.count), to: DeviceAddress(address.a),
                hash: parameters.p3.memory.contents)
        case .setMemory:
            try setMemory(
                processor: processor, DeviceAddress(parameters.p1.value.a), size: parameters.p2.value.a,
                value: parameters.p3.value.a)
        case .firmwareStart: try start(processor: processor)
        case .firmwareStop: try stop(processor: processor)
        case .firmwareDAToPA:
            let (address, size) = (parameters.p1.value, parameters.p2.value)
            guard address.b == 0, size.b == 0 else {
                throw TEEFailure(
                    .badParameters, .parameterTypes,
                    "address or size has a high word: \(hex32(address.b)), \(hex32(size.b))")
            }
            let physical = try physical(processor: processor, DeviceAddress(address.a), size: size.a)
            parameters.p3 = .valueOutput(a: physical.value)
        case .verifyDigest:
            let (keyInfo, digest) = (parameters.p1.memory.contents, parameters.p2.memory.contents)
            try verify(processor: processor, keyInfo, digest, parameters.p3.memory.contents)
        case .release: try release(processor: processor)
        }
    }

    private func verify(processor: UInt32, _ keyInfo: [UInt8], _ digest: [UInt8], _ signature: [UInt8]) throws(TEEFailure) {
        try requireSupported(processor)
        try requireOff()
        guard let algorithm: UInt32 = keyInfo.littleEndian(at: 0), let size: UInt32 = keyInfo.littleEndian(at: 4),
            Int(size) + 8 == keyInfo.count
        else {
            throw TEEFailure(
                .badParameters, .keyInfo,
                "key information of \(keyInfo.count) bytes; algorithm, size and that many bytes are needed")
        }
        guard let type = SignatureType(teeAlgorithm: algorithm) else {
            throw TEEFailure(
                .notSupported, .signatureAlgorithm,
                "signature algorithm \(hex32(algorithm)) is not one that this platform checks")
        }
        guard let digest = SHA256.Digest(digest) else {
            throw TEEFailure(
                .badParameters, .digestLength,
                "a digest of \(digest.count) bytes; SHA-256 has \(SHA256.Digest.byteCount)")
        }
        try verify(processor: processor, signature, over: digest, type: type, keyInfo: Array(keyInfo.dropFirst(8)))
    }
}

extension SharedMemory {
    /// All of it, as it is now.
    var contents: [UInt8] { read(at: 0, count: count) ?? [] }
}

extension TEEFailure {
    static func wrongTypes(_ types: UInt32, expected: UInt32) -> TEEFailure {
        TEEFailure(
            .badParameters, .parameterTypes,
            "parameter types 0x\(String(types, radix: 16)); the command takes 0x\(String(expected, radix: 16))")
    }
}
