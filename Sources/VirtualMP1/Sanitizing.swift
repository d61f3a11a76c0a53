import Chips
import ImageFormat
import M4Board
import MachineBase
import RprocHost

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

    /// Before `image` is loaded: whose names findings use, and what is recorded.
    func prepareSanitizer(_ image: FirmwareImage) {
        guard let sanitizer = linux.sanitizer else { return }
        let symbols = FirmwareSymbols(of: image)
        sanitizer.symbol = { symbols.name(at: $0) }
        guard configuration.sanitizing == .writers || recordsForDiagnosis else { return }
        // What is not in the M4's memories is not recorded; the checks go without a name there.
        do throws(BoardError) { try board.record(sharedRanges(image)) } catch {}
    }

    /// The rings and buffers of the device tree, and the resource tables of the image where their sections say.
    func sharedRanges(_ image: FirmwareImage) -> [PhysicalRange] {
        var ranges = configuration.linux.memoryRegions.filter { $0.name.hasPrefix("vdev") }.map(\.range)
        ranges += image.tables.compactMap { $0.range(configuration.chip) }
        return Array(ranges.prefix(M4Board.mostRecorded))
    }
}

extension TableSection {
    /// Where it is when the firmware runs; nil for an empty one, or outside of the M4's memories.
    func range(_ chip: SoCDescription) -> PhysicalRange? {
        guard !isEmpty else { return nil }
        return chip.physical(DeviceAddress(header.address), count: header.size).map { PhysicalRange(start: $0, size: header.size) }
    }
}
