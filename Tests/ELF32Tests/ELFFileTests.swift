// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import Testing

import ELF32

/// A hand-made file: one PT_LOAD, and the sections .shstrtab, .strtab, .symtab and a .bss without bytes.
private let sample: [UInt8] = {
    var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + Array(repeating: 0, count: 9)
    func halves(_ values: UInt16...) { for value in values { file.appendLittleEndian(value) } }
    func words(_ values: UInt32...) { for value in values { file.appendLittleEndian(value) } }
    halves(2, 40)
    words(1, 0x1000_0101, 52, 0xC4, 0x0500_0400)
    halves(52, 32, 1, 40, 5, 1)
    words(1, 0x54, 0x1000_0000, 0x1000_0000, 4, 0x10, 5, 4)
    file += [0xDE, 0xAD, 0xBE, 0xEF]  // 0x54
    file += Array("\0.shstrtab\0.strtab\0.symtab\0.bss\0".utf8)  // 0x58, 32 bytes
    file += Array("\0main\0table\0\0\0\0\0".utf8)  // 0x78, 16 bytes
    words(0, 0, 0, 0)  // 0x88: the empty symbol
    words(1, 0x1000_0101, 0x20)
    file += [0x12, 0]
    halves(1)
    words(6, 0x1000_0200, 0x58)
    file += [0x01, 0]
    halves(1)
    file += Array(repeating: 0, count: 0xC4 - file.count)
    words(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    words(1, 3, 0, 0, 0x58, 32, 0, 0, 1, 0)
    words(11, 3, 0, 0, 0x78, 16, 0, 0, 1, 0)
    words(19, 2, 0, 0, 0x88, 48, 2, 2, 4, 16)
    words(27, 8, 3, 0x1000_0300, 0x58, 0x1000, 0, 0, 4, 0)
    return file
}()

@Suite struct ELFFileTests {
    @Test func readsHeaderSegmentsAndSections() throws {
        let file = try ELFFile(sample)
        #expect(file.header.machine == ELFHeader.machineARM)
        #expect(file.header.entry == 0x1000_0101)
        let segment = try #require(file.programHeaders.first)
        #expect(segment.isLoad && segment.memorySize == 0x10 && segment.flagsText == "r-x")
        #expect(file.contents(of: segment).map(Array.init) == [0xDE, 0xAD, 0xBE, 0xEF])
        #expect(file.sections.map(\.name) == ["", ".shstrtab", ".strtab", ".symtab", ".bss"])
        #expect(file.section(named: ".symtab")?.offset == 0x88)
        #expect(file.section(named: ".text") == nil)
    }

    @Test func aSectionWithoutBytesHasEmptyContents() throws {
        let file = try ELFFile(sample)
        let bss = try #require(file.section(named: ".bss"))
        #expect(bss.size == 0x1000)
        #expect(file.contents(of: bss)?.isEmpty == true)
    }

    @Test func readsSymbolsAndTakesTheThumbBitOffFunctions() throws {
        let symbols = try ELFFile(sample).symbols
        #expect(symbols.map(\.name) == ["main", "table"])
        #expect(symbols[0].kind == .function && symbols[0].binding == .global)
        #expect(symbols[0].value == 0x1000_0101 && symbols[0].address == 0x1000_0100 && symbols[0].size == 0x20)
        #expect(symbols[1].kind == .object && symbols[1].binding == .local && symbols[1].address == 0x1000_0200)
    }

    @Test func aNameThatNoNULEndsIsNoName() {
        let table = StringTable(Array("\0ab\0cd".utf8)[...])
        #expect(table[1] == "ab" && table[2] == "b" && table[0] == "")
        #expect(table[4] == nil && table[6] == nil && table[0xFFFF_FFFF] == nil)
    }

    @Test func refusesWhatIsNotELF32LittleEndianAndSaysWhatWasSeen() {
        #expect(throws: ELFError.tooShort(count: 51)) { try ELFFile(Array(sample.prefix(51))) }
        #expect(throws: ELFError.notELF(found: [0x7F, 0x45, 0x4C, 0x47])) { try ELFFile(replacing(3, 0x47)) }
        #expect(throws: ELFError.not32Bit(fileClass: 2)) { try ELFFile(replacing(4, 2)) }
        #expect(throws: ELFError.notLittleEndian(encoding: 2)) { try ELFFile(replacing(5, 2)) }
        #expect(ELFError.not32Bit(fileClass: 2).description.contains("EI_CLASS"))
    }

    @Test func tablesThatReachPastTheFileReadAsFarAsTheyDo() throws {
        let file = try ELFFile(Array(sample.dropLast(1)))
        #expect(file.sections.count == 4)
        #expect(try ELFFile(replacing(44, 200)).programHeaders.count == (sample.count - 52) / 32)
        #expect(try ELFFile(replacing(42, 31)).programHeaders.isEmpty)
    }

    @Test func offsetsAtTheEndOfTheAddressSpaceAreNil() throws {
        let file = try ELFFile(sample)
        #expect(file.bytes(at: 0xFFFF_FFFF, size: 0xFFFF_FFFF) == nil)
        #expect(file.bytes(at: UInt32(sample.count), size: 0)?.isEmpty == true)
        #expect(file.bytes(at: UInt32(sample.count), size: 1) == nil)
        #expect(ProgramHeader(sample, at: -1) == nil && SectionHeader(sample, at: .max) == nil)
        #expect(ELFHeader(sample, at: .max) == nil)
    }

    @Test func readsFromASliceByItsOwnOffsets() {
        let slice = ([0, 0, 0] + sample)[3...]
        #expect(ELFHeader(slice)?.entry == 0x1000_0101)
        #expect(ProgramHeader(slice, at: 52)?.virtualAddress == 0x1000_0000)
    }

    @Test func anyByteOfAnyValueReadsWithoutATrap() throws {
        for offset in sample.indices {
            for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
                guard let file = try? ELFFile(replacing(offset, value)) else { continue }
                // Everything is read; a symbol table can hold no more symbols than the file has bytes for.
                #expect(file.symbols.count <= sample.count / Symbol.entrySize)
                #expect(file.sections.count + file.programHeaders.count <= sample.count)
                for segment in file.programHeaders { _ = file.contents(of: segment) }
            }
        }
    }

    private func replacing(_ offset: Int, _ value: UInt8) -> [UInt8] {
        var copy = sample
        copy[offset] = value
        return copy
    }
}
