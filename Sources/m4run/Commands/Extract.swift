// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import Chips
import FoundationEssentials
import Glibc
import ImageFormat
import MachineBase
import SecureLoader

/// The ELF files of a signed image.
struct Extract: TakesProjectFile {
    static let configuration = CommandConfiguration(
        commandName: "extract",
        abstract: "Take the ELF files out of a signed image again.",
        discussion: """
            IMAGE.signed holds IMAGE.elf, or IMAGE.0.elf, IMAGE.1.elf, ... when there are several; what is no ELF ends in .bin. They are \
            the files that were signed, byte for byte, without the padding. Nothing is verified: an image that OP-TEE refuses is \
            extracted with a warning.

            Exit status: 0 when all of them were taken out, 4 when the file is no signed image, 2 when they cannot be written.
            """)

    @Argument(help: "A signed image.", completion: .file()) var image: String
    @Option(name: [.customShort("o"), .customLong("out")], help: "The folder to put them in; it is made when missing.", completion: .directory)
    var out = "."
    @Flag(help: "Replace files that are there.") var force = false
    @OptionGroup var keys: TrustedKeys
    @OptionGroup(title: "General") var general: GeneralOptions

    func run() throws {
        let file = FirmwareImage(try InputFile.read(image))
        let trusted = try keys.read()
        let images: [ArraySlice<UInt8>]
        do throws(ExtractionError) { images = try ImageExtraction.images(in: file) } catch { throw Refusal("\(image): \(error)") }
        let names = images.indices.map { name($0, of: images) }
        if !force, let existing = names.first(where: { FileManager.default.fileExists(atPath: $0) }) {
            throw UsageError("\(existing): exists, and is not overwritten without --force")
        }
        if let same = names.first(where: { InputFile.isSame($0, image) }) { throw UsageError("\(same) is the signed image itself") }
        warn(file.bytes, trusted)
        try InputFile.makeFolder(out)
        for (bytes, name) in zip(images, names) {
            try InputFile.write([bytes], to: name)
            Console.note("\(name): \(bytes.count) bytes")
        }
    }

    private func name(_ number: Int, of images: [ArraySlice<UInt8>]) -> String {
        let stem = PathText.withoutExtension(PathText.name(image))
        let isELF = images[number].starts(with: [0x7F, 0x45, 0x4C, 0x46])
        return PathText.joined(out, stem + (images.count > 1 ? ".\(number)" : "") + (isELF ? ".elf" : ".bin"))
    }

    private func warn(_ file: [UInt8], _ trusted: [TrustedKey]) {
        let judge = ImageJudge(.chosen, signatures: trusted.isEmpty ? .unverified : .trusted(trusted), support: keys.support)
        if let failure = judge.verdict(on: file).failure { Console.note("warning: \(image): OP-TEE refuses it: \(failure)", .warning) }
        if trusted.isEmpty { Console.note("warning: \(image): who signed it was not checked: no --key", .warning) }
    }
}
