// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import CortexM
import ELF32
import ImageFormat
import M4Board
import MachineBase
import RprocHost
import VirtualMP1

/// The machine's M4 as a client of the debugger has it: registers and memory by the board's debug port, stops by the core's breakpoints.
///
/// Whether the core goes on is decided here (`plan`) and done by `MachineDebugger`, between two of the machine's steps.
public final class MachineTarget: DebugTarget {
    enum Plan: Equatable { case halted, run, step, stepInside(ClosedRange<UInt32>) }

    let system: MP1System
    var board: M4Board { system.board }
    /// What the core does when the machine next asks.
    var plan = Plan.run
    /// A stop that the client has seen, and that the machine hears of when the client lets the core go on.
    var keptStop: StopReason?
    /// Told when the core has come to stand.
    var onHalt: (HaltReason) -> Void = { _ in }
    /// The machine is taken through a reset: nobody holds the core.
    private(set) var isResetting = false
    /// Those of the command's own, beside the client's.
    let ownBreakpoints: [UInt32], ownWatchpoints: [Watchpoint]
    /// The cycle at which the core stood behind its last reset, before its first instruction.
    var cycleOfRelease: UInt64?
    /// What the firmware waits for, for a person.
    public var diagnosis: () -> String = { "" }

    public init(_ system: MP1System) {
        self.system = system
        ownBreakpoints = system.board.core.breakpoints
        ownWatchpoints = system.board.core.watchpoints
    }

    public var features: TargetFeatures { TargetFeatures() }

    public lazy var memoryMap: [MemoryMapRegion] = {
        let configuration = board.configuration, chip = configuration.chip
        var regions = chip.memories.flatMap { memory in memory.deviceAddresses.map { MemoryMapRegion(start: $0.value, size: UInt64(memory.size)) } }
        if configuration.ddrSize > 0 {
            regions += chip.externalMemory.deviceAddresses.map { MemoryMapRegion(start: $0.value, size: UInt64(configuration.ddrSize)) }
        }
        for range in [Range(chip.peripherals), SystemAddressMap.privatePeripherals] {
            regions.append(MemoryMapRegion(start: range.lowerBound, size: UInt64(range.count)))
        }
        return regions
    }()

    // MARK: Registers and memory

    public func register(_ register: DebugRegister) -> UInt64 { board.register(register) }
    public func setRegister(_ register: DebugRegister, to value: UInt64) -> Bool {
        machineThreads?.forget()
        return board.setRegister(register, to: value)
    }
    public func read(_ address: UInt32, count: Int) -> [UInt8] { board.peek(address, count: count) }

    public func write(_ address: UInt32, _ bytes: [UInt8]) -> WriteOutcome {
        if let sentence = refusal(address, count: bytes.count) {
            if !hasComplained {
                hasComplained = true
                onRefusal(sentence)
            }
            return .refused(sentence)
        }
        machineThreads?.forget()
        return board.poke(address, bytes) == bytes.count ? .done : .noMemory
    }

    // MARK: Threads

    private var threadsOf: FirmwareImage?, knownThreads: MachineThreads?
    /// Of the firmware that Linux has loaded; nil where it has none.
    private var machineThreads: MachineThreads? {
        if system.loadedImage !== threadsOf {
            threadsOf = system.loadedImage
            knownThreads = threadsOf.map { MachineThreads(board, FirmwareProgram($0)) }
        }
        return knownThreads
    }

    public var threads: DebugThreads { machineThreads?.threads ?? .one }
    public func register(_ register: DebugRegister, of thread: UInt32) -> UInt64? {
        guard let machineThreads, thread != machineThreads.threads.current else { return board.register(register) }
        return machineThreads.register(register, of: thread)
    }
    /// Those of a thread that is switched out are the RTOS' to restore, from where no two have them.
    public func setRegister(_ register: DebugRegister, to value: UInt64, of thread: UInt32) -> Bool {
        thread == threads.current && setRegister(register, to: value)
    }

    /// How the last reset was another than Linux's stop and start, for a person.
    private(set) var resetNote = ""

    /// Told, once, of a write that was refused: the protocol has no place for a sentence.
    public var onRefusal: (String) -> Void = { _ in }
    private var hasComplained = false

    /// What OP-TEE has verified is not loaded over: the code of the image that runs. Data may be written, and code of an image that Linux has loaded.
    private func refusal(_ address: UInt32, count: Int) -> String? {
        guard system.configuration.linux.bootSequence.usesTEE, let image = system.loadedImage, !board.isHeld else { return nil }
        if codeOf !== image { (codeOf, code) = (image, Self.code(of: image)) }
        let last = UInt64(address) + UInt64(max(1, count))
        guard code.contains(where: { UInt64($0.lowerBound) < last && UInt64(address) < UInt64($0.upperBound) }) else { return nil }
        return "the firmware's code was loaded and verified by OP-TEE, and a debugger's load would pass that by: sign the new firmware and start it (m4run sign), or debug the ELF with --boot elf"
    }
    private var codeOf: FirmwareImage?, code: [Range<UInt32>] = []

    /// Sections that are loaded and not written by the program itself; where there are no sections, segments.
    private static func code(of image: FirmwareImage) -> [Range<UInt32>] {
        image.elfFiles.flatMap { file -> [Range<UInt32>] in
            let sections = file.sectionHeaders.filter { $0.flags & 2 != 0 && $0.flags & 1 == 0 && $0.size > 0 && $0.type != SectionHeader.noBits }
            if !sections.isEmpty { return sections.compactMap { range($0.address, $0.size) } }
            return file.programHeaders.filter { $0.isLoad && $0.flags & 2 == 0 }.compactMap { range($0.physicalAddress, $0.fileSize) }
        }
    }
    private static func range(_ start: UInt32, _ size: UInt32) -> Range<UInt32>? {
        let (end, overflow) = start.addingReportingOverflow(size)
        return overflow ? nil : start..<end
    }

    // MARK: Stops

    /// More than a person sets: a bound for clients that go mad.
    private static let mostStops = 10_000

    public func accepts(breakpoints: Int, watchpoints: Int) -> Bool {
        (watchpoints == 0 || M4Board.hasOwnEngine) && breakpoints <= Self.mostStops && watchpoints <= Self.mostStops
    }

    public func setStops(breakpoints: [UInt32], watchpoints: [Watchpoint]) {
        do throws(BoardError) {
            let all = breakpoints + ownBreakpoints.filter { !breakpoints.contains($0) }
            if all != board.core.breakpoints { try board.core.setBreakpoints(all) }
            if watchpoints + ownWatchpoints != board.core.watchpoints { try board.core.setWatchpoints(watchpoints + ownWatchpoints) }
        } catch {}
    }

    // MARK: Going on

    public var isHalted: Bool { plan == .halted }

    public func resume(_ how: Resumption) {
        guard plan == .halted else { return }
        machineThreads?.forget()
        switch how {
        case .run: plan = .run
        case .step: plan = .step
        case .stepInside(let range): plan = .stepInside(range)
        }
    }

    public func halt() {
        guard plan != .halted else { return }
        halt(HaltReason(.interrupt))
    }

    func halt(_ reason: HaltReason) {
        plan = .halted
        machineThreads?.forget()
        onHalt(reason)
    }

    // MARK: Reset

    /// Whether the core stands behind its reset and has executed nothing.
    var isFresh: Bool { plan == .halted && cycleOfRelease == board.cycles }

    public func resetAndHalt() -> String? {
        if isFresh { return nil }
        if let problem = reset(halting: true) { return problem }
        plan = .halted
        machineThreads?.forget()
        return nil
    }

    /// Linux loads and starts the firmware anew, where it has; else the chip's reset starts it again as it lies in memory.
    func reset(halting: Bool) -> String? {
        guard !isResetting else { return "a reset is under way" }
        isResetting = true
        defer { isResetting = false }
        keptStop = nil
        let stops = (board.core.breakpoints, board.core.watchpoints)
        setStops(breakpoints: [], watchpoints: [])
        defer { setStops(breakpoints: stops.0, watchpoints: stops.1) }
        board.core.stopsAtRelease = halting
        defer { board.core.stopsAtRelease = false }
        let before = board.core.releases
        resetNote = ""
        if system.linux.isAtRest, system.linux.state == .running || system.linux.state == .offline {
            do throws(SystemError) { try system.restart() } catch { return "\(error)" }
        } else {
            resetNote = "Linux is busy, or has not loaded the firmware: the chip's reset starts it as it lies in memory, and Linux knows nothing of it\n"
            // Linux keeps boot held behind a start: a reset alone would leave the core where it is.
            board.resetMCU()
            if board.core.releases == before {
                board.setHoldBoot(released: true)
                board.setHoldBoot(released: false)
            }
        }
        guard board.core.releases != before else { return "the M4 is held in reset: nothing starts it" }
        cycleOfRelease = board.cycles
        return nil
    }
}
