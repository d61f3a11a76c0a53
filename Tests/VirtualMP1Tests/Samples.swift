// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import MachineBase
import RprocHost
import SecureLoader
import TestSupport
import VirtualMP1

/// The firmware samples, and systems to run them in.
enum Samples {
    struct Missing: Error { let what: String }

    static func elf(_ name: String) throws -> [UInt8] { try TestEnvironment.sample(name) }

    /// One key for all tests: making one takes a while.
    static let key = Result { try SigningKey.generate(.rsa(bits: 2048)) }

    static func signed(_ name: String) throws -> [UInt8] { try ImageSigner(key: key.get()).sign([elf(name)]) }

    /// An offset in a signed image of one ELF that lies in its first segment's bytes.
    static func codeOffset(_ image: [UInt8]) throws -> Int {
        guard let header = SignedImageHeader(image) else { throw Missing(what: "a header") }
        let elf = try ELFFile(Array(image[header.imagesOffset...]))
        guard let segment = elf.programHeaders.first(where: { $0.type == ProgramHeader.load && $0.fileSize > 64 }) else { throw Missing(what: "a segment") }
        return header.imagesOffset + Int(segment.offset) + 33
    }

    static func configuration(_ boot: BootSequence) throws -> SystemConfiguration {
        SystemConfiguration(boot: boot, signatures: boot.usesTEE ? .trusted([try key.get().trusted]) : .trusted([]))
    }

    /// A system with `name` booted.
    static func started(_ name: String, _ boot: BootSequence = .teeV3) throws -> MP1System {
        let system = try MP1System(configuration(boot))
        try system.start(boot.usesTEE ? signed(name) : elf(name), name: name)
        return system
    }
}

/// Everything that a run shows, as text: what must be the same every time.
final class Transcript {
    private(set) var lines: [String] = []
    init(_ system: MP1System) {
        system.events.subscribe { [unowned self] event in lines.append(Self.text(event)) }
    }
    static func text(_ event: SystemEvent) -> String {
        switch event {
        case .kernelLog(let record): record.description
        default: "\(event)"
        }
    }
    var kernelLog: [String] { lines.filter { $0.hasPrefix("[") } }
}
