import Chips
import ELF32
import M4Board
import MachineBase
import RprocHost
import SecureLoader

/// How closely the exchange between Linux and the firmware is watched.
public enum Sanitizing: String, Sendable, CaseIterable {
    case off
    /// Rings, buffers, table and messages are checked. The firmware runs as fast as without.
    case rings
    /// The same, and each finding names the instruction that wrote what is wrong; accesses to the shared memory are slower for
    /// it. Not with the system's libunicorn.
    case writers
}

extension MP1System: WriteRecord {
    /// The instruction that wrote the word at `address` last, under `Sanitizing.writers`.
    public func lastWriter(of address: PhysicalAddress) -> UInt32? { board.accesses(of: address).writer }

    func setUpSanitizer() throws {
        guard configuration.sanitizing != .off else { return }
        if configuration.sanitizing == .writers && !M4Board.recordsAccesses {
            throw BoardError.configuration("naming writers needs the engine of engine/; this is the system's libunicorn \(M4Board.engineVersion)")
        }
        let sanitizer = linux.sanitize()
        sanitizer.writeRecord = self
        // A look is no event of the machine's: it reads, and nobody is woken by it.
        let slot = board.events.register("sanitizer") { [unowned sanitizer] _ in sanitizer.look() }
        sanitizer.schedule = { [unowned board] time in
            board.events.schedule(slot, at: time == .never ? .max : board.configuration.coreClock.cycles(until: time))
        }
    }

    /// Before `image` starts: whose names findings use, and what is recorded.
    func prepareSanitizer(_ image: [UInt8]) {
        guard let sanitizer = linux.sanitizer else { return }
        let symbols = FirmwareSymbols(image: image)
        sanitizer.symbol = { symbols.name(at: $0) }
        guard configuration.sanitizing == .writers || recordsForDiagnosis else { return }
        // What is not in the M4's memories is not recorded; the checks go without a name there.
        do throws(BoardError) { try board.record(sharedRanges(image)) } catch {}
    }

    /// The rings and buffers of the device tree, and the resource tables of the image where their sections say.
    func sharedRanges(_ image: [UInt8]) -> [PhysicalRange] {
        var ranges = configuration.linux.memoryRegions.filter { $0.name.hasPrefix("vdev") }.map(\.range)
        for elf in FirmwareImage.elfFiles(image) {
            if let range = FirmwareImage.resourceTable(elf, configuration.chip) { ranges.append(range) }
        }
        return Array(ranges.prefix(M4Board.mostRecorded))
    }
}

/// The ELF files of an image, signed or plain.
enum FirmwareImage {
    static func elfFiles(_ image: [UInt8]) -> [ELFFile] {
        if let plain = try? ELFFile(image) { return [plain] }
        guard let header = SignedImageHeader(image), header.magic == SignedImageHeader.magic else { return [] }
        let end = min(image.count, SignedImageHeader.size + Int(header.tlvLength))
        let tlvs = TLVArea(image[SignedImageHeader.size..<end])
        guard let sizes = tlvs.value(of: .imageSizes)?.bytes else { return [] }
        var offset = header.imagesOffset
        var files: [ELFFile] = []
        for index in 0..<(sizes.count / 4) {
            let size: UInt32 = sizes.littleEndian(at: index * 4) ?? 0
            guard size > 0, offset <= image.count, Int(size) <= image.count - offset,
                let file = try? ELFFile(image[offset..<offset + Int(size)])
            else { break }
            files.append(file)
            offset += Int(size)
        }
        return files
    }

    /// Where the section `.resource_table` is when the firmware runs; nil without one, or outside of the M4's memories.
    static func resourceTable(_ elf: ELFFile, _ chip: SoCDescription) -> PhysicalRange? {
        guard let section = elf.section(named: ".resource_table"), section.size > 0 else { return nil }
        return chip.physical(DeviceAddress(section.address), count: section.size).map { PhysicalRange(start: $0, size: section.size) }
    }
}
