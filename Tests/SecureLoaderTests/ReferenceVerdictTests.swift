// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import MachineBase
import Testing

import SecureLoader

/// Damaged images, and what OP-TEE's own TA (its two C files, built for a 32-bit PC, with memory and hash but no signature check
/// below them) answers to each of them: the same result, the same resource table, the same memory.
///
/// One letter an image, in ``verdicts``. Where the C code reads outside the image and dies, the letter is `!` and ours need only
/// refuse.
@Suite struct ReferenceVerdictTests {
    private static let letters: [TEEResult: Character] = [
        .success: "S", .security: "H", .badFormat: "F", .badParameters: "P", .noData: "D", .notSupported: "U", .accessDenied: "A",
        .corruptObject: "C",
    ]

    @Test func everyVerdictIsTheReferences() throws {
        var corpus = try DamagedImages()
        var memory = SHA256()
        for (number, expected) in Self.verdicts.filter({ !$0.isWhitespace }).enumerated() {
            let image = corpus.next()
            let board = try Board(.unverified, heapSize: 1 << 20)
            let failure = board.refusal(of: image)
            guard expected != "!" else {
                #expect(failure != nil, "image \(number)")
                continue
            }
            let seen = Self.letters[failure?.result ?? .success]
            #expect(seen == expected, "image \(number): \(failure?.description ?? "loads")")
            memory.update(data: try Self.state(of: board, loaded: failure == nil))
        }
        #expect(hexText(memory.finalize()) == Self.memoryDigest)
    }

    /// Resource table address and size, then the hashes of RETRAM and MCUSRAM.
    static func state(of board: Board, loaded: Bool) throws -> [UInt8] {
        let table = loaded ? try board.session.resourceTable() : nil
        return try ResourceTableFixture.words(table?.start.value ?? 0, table?.size ?? 0)
            + SHA256.hash(data: board.memory(0x3800_0000, 0x1_0000)) + SHA256.hash(data: board.memory(0x1000_0000, 0x6_0000))
    }
}

/// Images with one to three numbers overwritten, the same ones each time.
struct DamagedImages {
    private var random = SplitMix64(state: 2026)
    private var number = 0
    private let originals: [[UInt8]]

    init() throws {
        let plain = ELFFixture.firmware(table: ResourceTableFixture.table(traceAddress: 0x1000_0200)).bytes
        let second = ELFFixture(segments: [.load(0x1002_0000, ELFFixture.pattern(0x33, seed: 9))]).bytes
        let odd = ELFFixture(segments: [
            .load(0x3000_0000, ELFFixture.pattern(0x33, seed: 9)), .load(0, [], memorySize: 4),
            .init(type: 4, address: 5, bytes: [1, 2, 3, 4]),
        ]).bytes
        let signer = ImageSigner(key: TestKeys.rsa, keyInfo: [1, 2, 3])
        originals = try [[plain], [plain, second], [odd]].map { try signer.sign($0) }
    }

    mutating func next() -> [UInt8] {
        var image = originals[number % originals.count]
        let header = SignedImageHeader(image) ?? SignedImageHeader(tlvLength: 0, signatureLength: 0, imagesLength: 0)
        let range =
            switch number % 5 {
            case 0: 0..<image.count
            case 1: 20..<header.signatureOffset
            case 2: header.imagesOffset..<(header.imagesOffset + 52)
            case 3: header.imagesOffset..<image.count
            default: (image.count - 128)..<image.count
            }
        for _ in 0...below(3) { damage(&image, at: range.lowerBound + below(range.count)) }
        number += 1
        return image
    }

    private mutating func damage(_ image: inout [UInt8], at offset: Int) {
        let telling: [UInt32] = [0, 1, 4, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF0, 0xFFFF_FFF8, 0xFFFF_FFFF]
        switch below(6) {
        case 0: image[offset] ^= 1 << UInt8(below(8))
        case 1: image[offset] = UInt8(below(256))
        case 2: image.storeLittleEndian(telling[below(telling.count)], at: offset & ~3)
        case 3: image.storeLittleEndian(UInt32(below(2048)), at: offset & ~3)
        case 4: image.storeLittleEndian(UInt16(below(0x1_0000)), at: offset & ~1)
        default: image.storeLittleEndian(UInt32(below(1 << 32)), at: offset & ~3)
        }
    }

    private mutating func below(_ limit: Int) -> Int { Int(random.next() >> 1) % limit }
}

extension ReferenceVerdictTests {
    static let memoryDigest = "c4733aefc1ac194cbacb7fc6a51126f25e9da6669651afbb4b5f79770c5e41fe"

    static let verdicts = """
        SS!HSPHSPFHPSHFSSFFSFHFSSHSFSSPPFHSFHFHSHP!HSHDSHFSSFSSHP!SSHSFFFSHSPSSPFHSDDFHHSPFSSHDSHSHPFHFSSFHS
        HSFPSFPSHSSSFFSSSFSSFDFSHFHFFSSDFHSHHSFHPHFHSHSFFSHHFHSSSFFFFSFHFHPFFSSHSSSPSFPFHDFHSPHFHSFSFHHSHFHS
        DPFSSFSDHSHPSPSFPSFSHHFHSFHFPS!PSSASHSHFHSFHSFSFHSPDFPSSDFHSSDSHSSSFFSHHFHSSDSFFHSFHSSFSHFSDFSFHSFDS
        HHFSSDHFSFSPFSSSPFHHSSFSFHDFHFHHFHSPDFHSHDFHSHSFHSHSFDSHHFHSSPSHFSDSSSHPSHSHPSSHSHSFSHDSSFHDFHSSSFSF
        PDSHFHSSSHFHSSAHSSSSFPSPSPSSFFHSSSSHDSHFDHSFFHHFHHHHSHSHHFSSHHFFSFHFHSSPFSSHHSSSSHSFSSHFSSHPFHFHHFSS
        SSFFSDPSHSHPSHSSSFSFPSSHSHHSFSHDSSSHPFSSSHSSSFHSHSFPFHSHHSHSPHSFFSDSHSPHFHFFH!SSHHFHSHDFHSDDFPSHPSHS
        HPFHHSHSSSHDFHSHPSHSPSFFSPDFHFPDFHHHHFFSDPFPHSHFHSPHSHFHFFSSSPFHSDDSSSHHSSSHHSHF!DFHSFDFSSHSFHSFHFFS
        HDSHFHDFHHSP!SFFPSHFFHFSSSDFSSHDSHSSSFSHDDFSSPSFSFSHSHHSPFSSSSFSSSH!HSSHPFFHHFHSSDFFSDSFHSHDSHFPPSFS
        SSFHSHHFHSHDFHFPSFHSDHFHSHHFHSSSFHFHFFHFPHFHSSDSHFPDFHSSDSHFSPFSSHSSSSHHPHSDHFSSHHFSHSHFHSSPFDFSDFPS
        HHFHFHDFHSPSSFSPHFHFSDSSSHSSHSDPFHSSSSHSSSFHSPHFSFSSSDFHHFHSSPFHHHDSSSHFFHSSDSHSSHSFSDSFHSDHSHFHHFSF
        FDFHFDPFFSSHFSSDDFHSHPSHHSD!PSHSFFHSHFHFPHSSFHDSHSPHFHHSHFSSHDFHSSHFHSSSFHFSHFHFSHFPSUPSPSSSFSSHSFHS
        HHFSFHSSSFHHFDSHSFSSHSSHSHHFHSSHFHSHSFHSHDSHSSDSFFHPSSHSHSHSSHFSFDHFHFHPSHSSPSSSSSSHSHHFHSSSFSFSSFHS
        HPFHSDDFFSHSDHSDDSHSUHFDSHSFPFDHFHFDHSFSPHFHSSHFHSHHFFSSPFHSHDFDSSPFHSHSFPSPHFHSSDSDFPDSHSDPSHSSDFPS
        HDFHFHDFHSSSFSSHSSSSHHFFSSDSHSSSSHFSHSHSSSFPSHPFFSHSFSSPPFHSHDSFSSSFHFSSSHSHSFPFSSFFFSPSSFSUFSFPPSHS
        SHFFSHSSHFHSSHSSSSFSHSSHSHPSHFSDFFFSDFHFPDSHSPSFPSHSFFFPHSHSDSSHSHSSSFHSFHSSD!PSHHFFSHHSHFSPFSFSSFSS
        HSFHSSSSHFHDFSFPPFHSSDFSFHHFHFDPFHSSPSSSHSSHSHSFFSSHFHSHPSPSSHSHSHHFFFPPFSSHPSHHHPSSSHDSHSHHSHHSDFPS
        HHSHFHPFHSSSFHFFDPHSHHSHSSDFFFSDFSSSHFHFPPFDSSDFHFSHFSFFDFFS!DFHSHHSHSPHFSSHDFHSHSFHSSDFFSPDFHSHDFHS
        SSFHSHSFSSH!FFSHPFFFHHFSSHHSDFSSFSSSS!HSHPFHSSHSFSHSSSHDDSHSSDFSSHSFFFDPFHFSSFFSPPFHSDHFHSSHFHSSSDHS
        HDSHHHSFSSSS!HSSDFFSFSDSSFDSHSDS!HFDSFSSHDSHSHSSHSDHSFSHSSHSHHFHSSHSFAHHFHSHDSFSSSFFFSHFHFSDFHSSDFHF
        HUSSFHHFHSHDFFSHDFSFFHFHSSHFSSSDFHHDHFHSSPSSSSPFHSHSFHSPDFSSFSFSSDPFSSSHFSAHPFHFHHFDSDPSSFHPFHFSDSHS
        SHSFSPDSHSHS!HFDSFFSHDSFSDDSHSSHFSSHHSPSHHFHFDHSSSHSFDHHSSSSSDFHSHSDDSHPSSSHDSSSHDFPSSPFHHHHFHSPPFFS
        SHFHSSHFSFHSFHSHDSHSSPFDASSSSSPPSHHSDFSFPSFPSDDSFSHHFSSFSFSSHHFHSSDFFSHPFHSSHSHHSHSHSHPSPSFPSHSFSDSS
        HDFFHHDFHSPSFHS!SFHSHSFSSSHFFSHPFHSPHFHFHHFSSPSSHSHHFHSHDFSFSPFHFHHFHSDPSFSHFSHFPUSHHPDFDSHPFHSSPFSS
        HPDPSHUSSSSPFHSSHFFSHPFSSHHSHSSSFHSPHFHFHHF!SSHFDSHDFHSHDSHHSPSSSSDSHSPSFHSSDFSS!PFSSPF!SSSHFFSDPFHH
        SD!FSHDFFSHDFFSHHFHHSHFSFHDFHSDSFHHSDFHSDP!FSHPFHSSHFHFHDFFSPSFHSSSFSFPHFHSFH!HSPHFFCSSFHSSHFHHSSSSF
        SSFHSSHSHFSHFFSHPFHSSHSHSSPFSSHSFHSHPSHFFUFHSSPSDFSPFHSFDSFSHDFHFFDFHSFDSFSHDFHSHSFHHSPFFFHDFHHDPFFS
        SPFDSHPSSSPHFHHSDFHSSPFSSHSFHSPDSHFSDFHSHDSHSSHFHSPHSHSSHFHSSSFPSSFSASHHFHSDSFSSHHFHSHHFFHSHSSSDSFHF
        HSFSHSPSFFHSFHSHS!SSSHFHSHHFHSHSSHHPDFFFHDFHSHSSHHPHFSFHPFSSHHFSSSDSSSSPSHSFDFHSSPFSFHSFSFSHFHHSDSFA
        DSFHSDHFSSSPFFSHSFHSPHFHSSS!SSDDFSSHDFFSFPFSSHSSHSHPFHSPPDSSFPSHFDSSSSSDSPSFHSHSHDFHSPPFFSSDFHHHHFSS
        SDFHFFSFHFHH!SSFPFSSSDFHSHSPFSSHFSSDHFHSHHFHSHDFFSSSFSSSPFASHPSPSSSSHFPSSHSSSSSFHDFHFSHFHSSDFHFHSFHS
        """
}
