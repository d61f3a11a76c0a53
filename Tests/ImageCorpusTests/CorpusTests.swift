// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageCorpus
import MachineBase
import SecureLoader
import TestSupport
import Testing

/// The corpus, put to the TA case by case.
@Suite struct CorpusTests {
    private static func cases() throws -> [CorpusCase] { try Corpus.cases(sample: TestEnvironment.sample("tty-echo")) }

    @Test("Every case of the corpus gets the verdict that OP-TEE's source gives it")
    func verdicts() throws {
        let trusted = try SignaturePolicy.trusted([CorpusKey.rsa.signing.trusted, CorpusKey.ecdsa.signing.trusted])
        let judges = [SignatureSupport.rsaOnly, .rsaAndECDSA].map { ImageJudge(signatures: trusted, support: $0) }
        for item in try Self.cases() {
            let verdict = judges[item.support == .rsaOnly ? 0 : 1].verdict(on: item.image)
            #expect(verdict.result == item.expected, "\(item.name) (\(item.check)): \(verdict.failure?.description ?? "loads")")
            guard let table = item.table, verdict.failure == nil else { continue }
            let seen = verdict.resourceTable.map { "\(hex32($0.start.value)):0x\(String($0.size, radix: 16))" } ?? "-"
            #expect(seen == table, "\(item.name)")
        }
    }

    @Test("The corpus is large, and each case has a name of its own")
    func names() throws {
        let cases = try Self.cases()
        #expect(cases.count >= 400)
        #expect(Set(cases.map(\.name)).count == cases.count)
        // Every result that a load can have is expected somewhere.
        let results: Set<TEEResult> = [
            .success, .badParameters, .badFormat, .noData, .notSupported, .accessDenied, .security, .signatureInvalid, .corruptObject, .outOfMemory,
        ]
        #expect(results.isSubset(of: Set(cases.map(\.expected))))
    }
}
