// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CRegisterMap
import Chips
import MachineBase

/// A hardware block: its registers as the register map declares them, with behaviour added by subclasses.
///
/// The base class alone is the model of a block nobody wrote yet: every register has its reset value and access, stores what
/// is written, reads it back, and is reported to the host when first touched. A subclass declares in its `map` which registers act on
/// reads and on writes, and which fields act, only store, or ask for what is missing; `read` and `write` are for registers that act.
///
/// Storage is allocated when the block is first touched, so an SoC costs little until firmware runs on it.
public class RegisterBlock {
    let interconnect: Interconnect
    /// Index in the register map.
    let index: Int
    public let base: UInt32

    private var words: UnsafeMutablePointer<UInt32>?
    private var traits: UnsafeMutablePointer<Traits>?
    /// By word: the fields that `map` does not declare and firmware can write, less those that were told; nil where there are none.
    private(set) final var undeclared: UnsafeMutablePointer<UInt32>?
    let wordCount: Int
    final var told = ToldGaps()

    /// What the storage knows of a word.
    struct Traits: OptionSet {
        let rawValue: UInt16
        static let exists = Traits(rawValue: 1)
        static let readOnly = Traits(rawValue: 2)
        static let writeOnly = Traits(rawValue: 4)
        static let halfword = Traits(rawValue: 8)
        static let byte = Traits(rawValue: 16)
        /// No report: it is modelled.
        static let quiet = Traits(rawValue: 32)
        /// Reads, and writes, are the subclass'.
        static let actsOnRead = Traits(rawValue: 64)
        static let actsOnWrite = Traits(rawValue: 128)
        /// A write may set an undeclared field or switch on what is missing.
        static let isWatched = Traits(rawValue: 256)
        /// A write may ask for what is missing.
        static let takesRequests = Traits(rawValue: 512)
    }

    /// Registers beyond it read as reset and ignore writes: the AXI interconnect's spread over a megabyte.
    private static let largestStorage: UInt32 = 0x4000

    /// The register map's index of a block that this module models.
    static func index(_ name: String, on interconnect: Interconnect) -> Int {
        let found = Int(register_map_peripheral_named(interconnect.map, name))
        assert(found >= 0, "no block \(name) in the register map")
        return max(0, found)
    }

    /// The block's place in the event queue, where it has one.
    final let alarm: Alarm?

    convenience init(_ name: String, on interconnect: Interconnect) {
        self.init(index: Self.index(name, on: interconnect), on: interconnect)
    }

    /// - Parameter alarm: its name in the event queue; nil for a block in which nothing takes time.
    init(index: Int, on interconnect: Interconnect, alarm: String? = nil) {
        self.index = index
        self.interconnect = interconnect
        self.alarm = alarm.map { Alarm($0, on: interconnect) }
        let entry = interconnect.map.pointee.peripherals[index]
        base = entry.base
        wordCount = Self.wordCount(entry, of: interconnect.map)
        self.alarm?.wake(self)
    }

    deinit {
        words?.deallocate()
        traits?.deallocate()
        undeclared?.deallocate()
    }

    private static func wordCount(_ entry: register_map_peripheral, of map: UnsafePointer<register_map>) -> Int {
        guard entry.register_count > 0 else { return Int(min(entry.size, largestStorage) / 4) }
        let last = map.pointee.registers + (Int(entry.first_register) + Int(entry.register_count) - 1)
        return Int(min(register_map_offset(last) + 4, largestStorage) / 4)
    }

    private final var entry: register_map_peripheral { interconnect.map.pointee.peripherals[index] }
    private final func text(_ name: UInt16) -> String { String(cString: interconnect.map.pointee.names + Int(name)) }
    /// RM0436's name of the block.
    public final var name: String { text(entry.name) }

    // MARK: What subclasses change

    /// What the model does with each register and field, and what it lacks. Read-only registers' fields need no mention, nor does
    /// identification at the end of a block.
    var map: BlockMap { BlockMap() }

    /// Missing features that are on now and were told, and undeclared fields that were told and are set.
    var featuresOn: [UnsupportedFeature] { missingFeaturesOn + undeclaredFieldsOn }

    /// The word at `offset`, a multiple of four below the block's size, of a register that acts on reads.
    func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 { readStored(offset, by: initiator) }

    /// What `read` would give of a register that acts on reads, and nothing changes: for blocks whose `read` does more than to work out a value.
    func peek(_ offset: UInt32) -> UInt32 { read(offset, by: .cortexM4) }

    /// Writes those bytes of the word at `offset`, of a register that acts on writes, that `lanes` covers; `value` is zero elsewhere. So registers that act on
    /// ones take `value` as it is, and registers that store use `lanes` to keep the rest.
    func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        writeStored(offset, value, lanes: lanes, by: initiator)
    }

    /// Puts the block into its state after reset. Overrides call this and then update what depends on registers.
    func reset(_ kind: SoC.Reset) {
        if words != nil { loadResetValues() }
    }

    /// The time that the block's alarm was set for has come; `cycle` is at or after it.
    func alarmDue(_ cycle: UInt64) {}

    /// Makes the alarm due at `cycle`; never for `.max`.
    @inline(__always) final func setAlarm(_ cycle: UInt64) { alarm?.set(cycle) }
    @inline(__always) final func cancelAlarm() { alarm?.cancel() }

    /// Core cycles that an item takes which a DMA controller moves at this block's request.
    var dmaItemCycles: UInt64 { 4 }

    // MARK: State

    /// What of the block changes, besides its registers and its alarm. Nothing else in it may.
    var ownState: any BlockState { get { NoState() } set {} }

    /// All of the block that changes; nil while nobody has touched it.
    struct Snapshot: Equatable, Sendable {
        var words: [UInt32]?
        var traits: [UInt16] = []
        var told: ToldGaps
        var alarmDue: UInt64
        var own: AnyBlockState
    }

    /// As if nobody had touched its registers.
    final func forget() {
        words?.deallocate()
        traits?.deallocate()
        undeclared?.deallocate()
        (words, traits, undeclared) = (nil, nil, nil)
    }

    final var snapshot: Snapshot {
        get {
            Snapshot(
                words: words.map { Array(UnsafeBufferPointer(start: $0, count: max(1, wordCount))) },
                traits: traits.map { traits in (0..<max(1, wordCount)).map { traits[$0].rawValue } } ?? [],
                told: told, alarmDue: alarm?.due ?? .max, own: AnyBlockState(ownState))
        }
        set {
            // What is undeclared is compiled anew.
            if told.fields != newValue.told.fields { forget() }
            told = newValue.told
            if let stored = newValue.words {
                let words = storage()
                for (word, value) in stored.enumerated() where word < max(1, wordCount) { words[word] = value }
                for (word, value) in newValue.traits.enumerated() where word < max(1, wordCount) { traits?[word] = Traits(rawValue: value) }
            } else {
                forget()
            }
            alarm?.set(newValue.alarmDue)
            ownState = newValue.own.value
        }
    }

    // MARK: Access

    @inline(__always) final func load(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        let word = Int(offset / 4)
        _ = storage()
        guard word < wordCount, trait(word).contains(.actsOnRead) else { return readStored(offset, by: initiator) }
        return read(offset, by: initiator)
    }

    @inline(__always) final func store(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        let word = Int(offset / 4)
        _ = storage()
        guard word < wordCount else { return writeStored(offset, value, lanes: lanes, by: initiator) }
        let trait = trait(word)
        if trait.contains(.isWatched) { return storeWatched(offset, value, lanes: lanes, by: initiator) }
        guard trait.contains(.actsOnWrite) else { return writeStored(offset, value, lanes: lanes, by: initiator) }
        write(offset, value, lanes: lanes, by: initiator)
    }

    /// `store` to a word with undeclared fields or such as switch on what is missing.
    @inline(never) private final func storeWatched(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        let trait = trait(Int(offset / 4)), old = self[offset]
        if trait.contains(.actsOnWrite) {
            write(offset, value, lanes: lanes, by: initiator)
        } else {
            writeStored(offset, value, lanes: lanes, by: initiator)
        }
        lookForGaps(offset, value, lanes: lanes, old: old, takesRequests: trait.contains(.takesRequests))
    }

    // MARK: Storage

    /// Whether anyone has touched the block; until then it is as reset leaves it and costs no storage.
    final var isTouched: Bool { words != nil }

    /// The stored word at `offset`, without access rights or side effects; 0 where nothing is stored.
    final subscript(_ offset: UInt32) -> UInt32 {
        @inline(__always) get {
            let word = Int(offset / 4)
            guard word < wordCount else { return 0 }
            return storage()[word]
        }
        @inline(__always) set {
            let word = Int(offset / 4)
            guard word < wordCount else { return }
            storage()[word] = newValue
        }
    }

    /// Merges the written lanes into the stored word, without access rights.
    @inline(__always) final func merge(_ offset: UInt32, _ value: UInt32, lanes: UInt32) {
        self[offset] = self[offset] & ~lanes | value & lanes
    }

    final func readStored(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        let word = Int(offset / 4)
        guard word < wordCount else { return readBeyond(offset, by: initiator) }
        let value = storage()[word]
        let trait = trait(word)
        let result = trait.contains(.writeOnly) ? 0 : value
        if !trait.contains(.quiet) { report(word, isWrite: false, value: result, by: initiator) }
        return result
    }

    final func writeStored(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        let word = Int(offset / 4)
        guard word < wordCount else { return writeBeyond(offset, value, by: initiator) }
        _ = storage()
        let trait = trait(word)
        // Who hears of it may restore a state, and with it the storage.
        if !trait.contains(.quiet) { report(word, isWrite: true, value: value, by: initiator) }
        guard trait.contains(.exists), !trait.contains(.readOnly) else { return }
        var mask = lanes
        if trait.contains(.halfword) { mask &= 0xFFFF } else if trait.contains(.byte) { mask &= 0xFF }
        let storage = storage()
        storage[word] = storage[word] & ~mask | value & mask
    }

    @inline(__always) private final func storage() -> UnsafeMutablePointer<UInt32> {
        if let words { return words }
        return allocate()
    }

    /// How a word is read.
    enum Reading { case beyond, acts, writeOnly, stored }
    final func reading(of offset: UInt32) -> Reading {
        let word = Int(offset / 4)
        guard word < wordCount else { return .beyond }
        _ = storage()
        let trait = trait(word)
        return trait.contains(.actsOnRead) ? .acts : trait.contains(.writeOnly) ? .writeOnly : .stored
    }

    @inline(__always) private final func trait(_ word: Int) -> Traits { traits?[word] ?? [] }

    @inline(never) private final func allocate() -> UnsafeMutablePointer<UInt32> {
        let words = UnsafeMutablePointer<UInt32>.allocate(capacity: max(1, wordCount))
        let traits = UnsafeMutablePointer<Traits>.allocate(capacity: max(1, wordCount))
        self.words = words
        self.traits = traits
        // Memory has no registers: all of it exists, and storing is all there is to do.
        let isMemory = entry.register_count == 0 && text(entry.group) == "SRAM"
        traits.initialize(repeating: isMemory ? [.exists, .quiet] : [], count: max(1, wordCount))
        words.initialize(repeating: 0, count: max(1, wordCount))
        forEachRegister { word, register in
            var trait: Traits = .exists
            switch Int(register_map_access(register)) {
            case Int(REGISTER_READ_ONLY): trait.insert(.readOnly)
            case Int(REGISTER_WRITE_ONLY): trait.insert(.writeOnly)
            default: break
            }
            if register_map_bytes(register) == 2 { trait.insert(.halfword) }
            if register_map_bytes(register) == 1 { trait.insert(.byte) }
            // HWCFGRx, VERR, IPIDR, SIDR: constants that the register map holds.
            if trait.contains(.readOnly), register_map_offset(register) & 0x3FF >= 0x3C0 { trait.insert(.quiet) }
            traits[word] = trait
        }
        compile(map, into: traits)
        loadResetValues()
        return words
    }

    /// Flags of the words that `map` says something of, and which of their fields it does not declare.
    private final func compile(_ map: BlockMap, into traits: UnsafeMutablePointer<Traits>) {
        for (ranges, trait) in [(map.onRead, Traits.actsOnRead), (map.onWrite, Traits.actsOnWrite)] {
            for offset in ranges.joined() where offset & 3 == 0 && Int(offset / 4) < wordCount && traits[Int(offset / 4)].contains(.exists) {
                traits[Int(offset / 4)].formUnion([trait, .quiet])
            }
        }
        for feature in map.missing {
            for condition in feature.conditions where Int(condition.offset / 4) < wordCount {
                traits[Int(condition.offset / 4)].formUnion(feature.isRequest ? [.isWatched, .takesRequests] : .isWatched)
            }
        }
        forEachRegister { word, register in
            let offset = UInt32(word) * 4, declared = map.declared(offset)
            if declared != 0 { traits[word].insert(.quiet) }
            guard traits[word].contains(.quiet), !traits[word].contains(.readOnly) else { return }
            let mask = writableFields(register) & ~declared & ~told.fields[offset, default: 0]
            guard mask != 0 else { return }
            if undeclared == nil {
                let masks = UnsafeMutablePointer<UInt32>.allocate(capacity: wordCount)
                masks.initialize(repeating: 0, count: wordCount)
                undeclared = masks
            }
            undeclared?[word] = mask
            traits[word].insert(.isWatched)
        }
    }

    /// Bits of a register's fields that firmware can write.
    private final func writableFields(_ register: UnsafePointer<register_map_register>) -> UInt32 {
        (0..<Int(register_map_field_count(register))).reduce(0) { mask, place in
            let field = interconnect.map.pointee.fields[Int(register.pointee.first_field) + place]
            return register_map_field_is_read_only(field) != 0 ? mask : mask | register_map_field_mask(field)
        }
    }

    private final func loadResetValues() {
        guard let words else { return }
        forEachRegister { word, register in words[word] = register.pointee.reset_value }
    }

    private final func forEachRegister(_ body: (Int, UnsafePointer<register_map_register>) -> Void) {
        let entry = entry, registers = interconnect.map.pointee.registers
        for number in 0..<Int(entry.register_count) {
            let register = registers + (Int(entry.first_register) + number)
            let word = Int(register_map_offset(register) / 4)
            if word < wordCount { body(word, register) }
        }
    }

    // MARK: What is not modelled

    @inline(never) private final func report(_ word: Int, isWrite: Bool, value: UInt32, by initiator: Initiator) {
        guard let traits else { return }
        let kind: UnmodelledAccess.Kind = traits[word].contains(.exists) ? .register : .reservedWord
        if interconnect.countUnmodelled(kind, base &+ UInt32(word) * 4, of: index, isWrite: isWrite, value: value, by: initiator) == .full {
            traits[word].insert(.quiet)
            let access = UnmodelledAccess(
                kind: kind, address: base &+ UInt32(word) * 4, isWrite: isWrite, value: value, initiator: initiator,
                map: interconnect.chip.registers, isBlockModelled: interconnect.isModelled[index])
            interconnect.tell { $0.report(.unmodelled(access)) }
        }
    }

    private final func readBeyond(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        let register = register_map_register_at(interconnect.map, UInt32(index), offset)
        let value = register < 0 ? 0 : interconnect.map.pointee.registers[Int(register)].reset_value
        interconnect.reportBeyond(base &+ offset, of: index, exists: register >= 0, isWrite: false, value: value, by: initiator)
        return value
    }

    private final func writeBeyond(_ offset: UInt32, _ value: UInt32, by initiator: Initiator) {
        let register = register_map_register_at(interconnect.map, UInt32(index), offset)
        interconnect.reportBeyond(base &+ offset, of: index, exists: register >= 0, isWrite: true, value: value, by: initiator)
    }
}
