// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import ImageCorpus
import SecureLoader

// m4run-corpus SAMPLE.elf FOLDER   writes the corpus: packs, expectations and the keys to judge with
// m4run-corpus --bench FOLDER      packs of one image many times, for scripts/bench
// m4run-corpus --hash-rate         how fast SHA-256 is here, in MB/s

func fail(_ text: String) -> Never {
    FileHandle.standardError.write(Data("m4run-corpus: \(text)\n".utf8))
    exit(2)
}

func hashRate() -> Double {
    let block = [UInt8](repeating: 0x5A, count: 16384)
    var hashed = 0
    // Processor time, as openssl speed counts: what else the machine does stays out of it.
    let begin = clock()
    while Double(clock() - begin) < 0.5 * Double(CLOCKS_PER_SEC) {
        for _ in 0..<256 { _ = SHA256.hash(data: block) }
        hashed += 256 * block.count
    }
    return Double(hashed) / (Double(clock() - begin) / Double(CLOCKS_PER_SEC)) / 1e6
}

func write(_ bytes: some Sequence<UInt8>, _ folder: String, _ name: String) {
    do { try Data(bytes).write(to: URL(fileURLWithPath: folder).appendingPathComponent(name)) } catch { fail("\(folder)/\(name): \(error)") }
}

let arguments = CommandLine.arguments.dropFirst()
if arguments.first == "--hash-rate" {
    print(Int(hashRate()))
    exit(0)
}
if arguments.first == "--bench", arguments.count == 2, let folder = arguments.last {
    do {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        write(Corpus.pack(try Corpus.large(), 1), folder, "large-1.pack")
        write(Corpus.pack(try Corpus.large(), 101), folder, "large-101.pack")
        write(Corpus.pack(try Corpus.small(), 1), folder, "small-1.pack")
        write(Corpus.pack(try Corpus.small(), 20001), folder, "small-20001.pack")
        write(try CorpusKey.rsa.signing.trusted.pem.utf8, folder, "rsa.pem")
    } catch { fail("\(error)") }
    exit(0)
}
guard arguments.count == 2, let sample = arguments.first, let folder = arguments.last else { fail("SAMPLE.elf FOLDER, or --hash-rate") }
guard let elf = FileManager.default.contents(atPath: sample) else { fail("\(sample): cannot be read; 'make firmware' builds the samples") }
do {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let cases = try Corpus.cases(sample: [UInt8](elf))
    for (name, support) in [("rsa", SignatureSupport.rsaOnly), ("ecdsa", .rsaAndECDSA)] {
        let some = cases.filter { $0.support == support }
        write(Corpus.pack(some), folder, "\(name).pack")
        write(Corpus.expectations(some).utf8, folder, "\(name).expected")
    }
    // What a fuzzer starts from: containers, and the ELF files in them, small enough to be changed often.
    let seeds = folder + "/seeds"
    try FileManager.default.createDirectory(atPath: seeds, withIntermediateDirectories: true)
    for item in cases where item.image.count < 4096 {
        write(item.image, seeds, item.name)
        if item.expected == .success, let elf = try? ImageExtraction.images(in: item.image).first { write(Array(elf), seeds, item.name + ".elf") }
    }
    write(try CorpusKey.rsa.signing.trusted.pem.utf8, folder, "rsa.pem")
    write(try CorpusKey.ecdsa.signing.trusted.pem.utf8, folder, "ecdsa.pem")
    var counts: [(TEEResult, Int)] = []
    for item in cases {
        if let place = counts.firstIndex(where: { $0.0 == item.expected }) { counts[place].1 += 1 } else { counts.append((item.expected, 1)) }
    }
    print("\(folder): \(cases.count) cases")
    for (result, count) in counts.sorted(by: { ($1.1, $0.0.name) < ($0.1, $1.0.name) }) { print("  \(count)\t\(result)") }
} catch { fail("\(sample): \(error)") }
