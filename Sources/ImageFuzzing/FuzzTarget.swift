// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import MachineBase
import SecureLoader

// What libFuzzer calls, again and again, with bytes that reach code nothing has reached before. `make fuzz-images` builds it with the
// toolchain's fuzzer and address sanitizer and runs it.

/// 0, as libFuzzer wants it; a finding is a trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: data, count: size))
    FuzzTarget.container(bytes)
    FuzzTarget.elf(bytes)
    return 0
}

/// The input as a signed image, and as an ELF file inside a sound one: hash records that fit it, so that nothing but the ELF is at
/// fault and the loader gets to its end.
enum FuzzTarget {
    nonisolated(unsafe) private static let judge = ImageJudge(signatures: .unverified, support: .rsaAndECDSA, heapSize: 1 << 20)
    private static let results: Set<TEEResult> = [
        .success, .accessDenied, .badFormat, .badParameters, .noData, .notSupported, .outOfMemory, .security, .corruptObject,
    ]

    static func container(_ bytes: [UInt8]) {
        judged(bytes)
        if let images = try? ImageExtraction.images(in: bytes) { precondition(images.allSatisfy { $0.count <= bytes.count }) }
    }

    static func elf(_ bytes: [UInt8]) {
        if let file = try? ELFFile(bytes) {
            for segment in file.programHeaders { _ = file.contents(of: segment)?.count }
            for section in file.sectionHeaders {
                _ = file.contents(of: section)?.count
                _ = file.sectionNames?[section.name]
            }
            _ = file.section(named: ".resource_table")
        }
        let summary = ResourceTableSummary(bytes)
        precondition(summary.entries.count <= bytes.count / 4)
        judged(signed(bytes))
    }

    /// The verdict, the report and the explanation agree, and none of them traps.
    private static func judged(_ image: [UInt8]) {
        let verdict = judge.verdict(on: image)
        precondition(results.contains(verdict.result), "a load cannot end with \(verdict.result)")
        let report = ImageReport(image, support: .rsaAndECDSA, heapSize: 1 << 20)
        precondition(report.refusal == verdict.failure, "the report's verdict is another")
        let explanation = LoadExplanation(of: image, signatures: .unverified, support: .rsaAndECDSA, heapSize: 1 << 20)
        precondition(explanation.result == verdict.result, "the explanation's verdict is another")
        precondition(report.text.utf8.count + explanation.text.utf8.count > 0)
    }

    /// `elf` in a container whose hash table has what its program headers say, however wrong they are.
    private static func signed(_ elf: [UInt8]) -> [UInt8] {
        var table: [UInt8] = []
        if let header = ELFHeader(elf) {
            for number in 0..<min(Int(header.programHeaderCount), 64) {
                let place = Int(header.programHeaderOffset) + 32 * number
                guard place + 32 <= elf.count, let segment = ProgramHeader(elf, at: place) else { break }
                table += elf[place..<place + 32]
                table += SHA256.hash(data: elf.dropFirst(Int(segment.offset)).prefix(Int(segment.fileSize)))
            }
        }
        let padded = elf + [UInt8](repeating: 0, count: (8 - elf.count % 8) % 8)
        var area: [UInt8] = []
        func record(_ type: UInt32, _ value: [UInt8]) {
            area.appendLittleEndian(type)
            area.appendLittleEndian(UInt32(value.count))
            area += value + [UInt8](repeating: 0, count: (8 - value.count % 8) % 8)
        }
        record(1, [1])
        record(3, [1])
        record(4, [1])
        var size: [UInt8] = []
        size.appendLittleEndian(UInt32(padded.count))
        record(5, size)
        record(0x10, table)
        let header = SignedImageHeader(tlvLength: UInt32(area.count), signatureLength: 8, imagesLength: UInt32(padded.count))
        return header.bytes + area + [UInt8](repeating: 0, count: 8) + padded
    }
}
