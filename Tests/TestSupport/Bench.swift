// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import CortexM
import M4Board
import MachineBase

/// A board with a test's program in RETRAM: vectors at 0, the program at 0x400, the handler of exception n at 0x2000 + n * 0x100.
///
/// The vector of an exception without a handler points to execute-never memory: taking it locks the core up.
public final class Bench {
    public static let code: UInt32 = 0x400
    public static let stack: UInt32 = 0x1000_8000
    /// Words that programs leave results in.
    public static let results: UInt32 = 0x1000_9000
    public static func handler(_ number: Int) -> UInt32 { 0x2000 + UInt32(number) * 0x100 }
    /// Vectors that are filled in.
    private static let vectors = 1..<166

    public let board: M4Board
    /// What the board has told.
    public let output = Output()
    private var nextCode = Bench.code

    public init(
        faultPolicy: FaultPolicy = .none, windows: [MemoryWindow]? = nil, cycles: CycleModel = .instructions, rtt: RTT.Search = .off,
        executesIdleLoops: Bool = false, shared: [String: SharedMemory] = [:], ddr: UInt32? = nil, chip: SoCDescription = .stm32mp157
    ) throws {
        var configuration = M4Board.Configuration(chip)
        configuration.faultPolicy = faultPolicy
        configuration.memoryWindows = windows
        configuration.cycleModel = cycles
        configuration.rtt = rtt
        configuration.executesIdleLoops = executesIdleLoops
        configuration.sharedMemory = shared
        if let ddr { configuration.ddrSize = ddr }
        board = try M4Board(configuration)
        board.events.subscribe { [output] in output.hear($0) }
        try word(0, Self.stack)
        try vector(1, Self.code | 1)
        for number in Self.vectors.dropFirst() { try vector(number, 0x4000_0001) }
    }

    /// A whole program, which ends in a branch to itself; each handler returns.
    public convenience init(
        _ first: Thumb.Code, _ rest: Thumb.Code..., stack: UInt32 = Bench.stack, handlers: [Int: Thumb.Code] = [:], vectors: [Int: UInt32] = [:],
        policy: FaultPolicy = .none, ddr: UInt32? = nil
    ) throws {
        try self.init(faultPolicy: policy, ddr: ddr)
        try word(0, stack)
        for (number, code) in handlers { try handler(number, code, Thumb.bxLR) }
        for (number, value) in vectors { try vector(number, value) }
        try place(first + Array(rest.joined()) + Thumb.stay, at: Self.code)
    }

    /// A device address as the A7 side has it.
    private func physical(_ device: UInt32) -> PhysicalAddress {
        board.configuration.chip.physical(DeviceAddress(device)) ?? PhysicalAddress(device)
    }

    public func word(_ address: UInt32, _ value: UInt32) throws { try board.writeWord(physical(address), value, secure: true) }
    public func word(_ address: UInt32) throws -> UInt32 { try board.readWord(physical(address), secure: true) }
    public func result(_ index: UInt32) throws -> UInt32 { try word(Self.results + 4 * index) }
    /// The word `index` of the frame of `size` bytes that was stacked last from `top` on.
    public func stacked(_ index: UInt32, top: UInt32 = Bench.stack, size: UInt32 = 0x20) throws -> UInt32 { try word(top - size + index * 4) }
    /// What `Thumb.log` has written.
    public var log: [UInt32] {
        get throws {
            let bytes = min(try word(Thumb.logAddress), 0x400)
            return try (0..<bytes / 4).map { try word(Thumb.logAddress + 4 + $0 * 4) }
        }
    }

    public func place(_ halfwords: Thumb.Code, at address: UInt32) throws {
        var bytes: [UInt8] = []
        for h in halfwords { bytes.appendLittleEndian(h) }
        try board.write(physical(address), bytes)
    }
    /// Adds instructions to the program.
    public func program(_ parts: Thumb.Code...) throws {
        for part in parts {
            try place(part, at: nextCode)
            nextCode += UInt32(part.count) * 2
        }
    }
    public func vector(_ number: Int, _ value: UInt32) throws { try word(UInt32(number) * 4, value) }
    public func handler(_ number: Int, _ parts: Thumb.Code...) throws {
        try vector(number, Self.handler(number) | 1)
        try place(parts.flatMap { $0 }, at: Self.handler(number))
    }

    /// Releases the core and runs it, at most a million cycles.
    @discardableResult
    public func run(cycles: UInt64 = 1_000_000) -> StopReason {
        if board.isHeld { board.setHoldBoot(released: true) }
        return board.run(until: board.cycles + cycles)
    }

    @discardableResult
    public func run(microseconds: UInt64) -> StopReason { run(cycles: microseconds * board.configuration.coreClock.hertz / 1_000_000) }

    public var core: Core { board.core }

    /// Semihosting SYS_EXIT with success.
    public static let exit: Thumb.Code = Thumb.load(0, 0x18) + Thumb.load(1, 0x20026) + Thumb.semihosting

    /// What a board tells, by kind.
    public final class Output {
        public private(set) var text: [UInt8] = []
        public private(set) var texts: [(source: M4Board.TextSource, bytes: [UInt8])] = []
        public private(set) var findings: [BoardFinding] = []
        func hear(_ event: BoardEvent) {
            if let more = event.text {
                text += more.bytes
                texts.append(more)
            }
            if let finding = event.finding { findings.append(finding) }
        }
    }
}

/// Registers of the private peripheral bus.
public enum PPB {
    public static let systCSR: UInt32 = 0xE000_E010, systRVR: UInt32 = 0xE000_E014, systCVR: UInt32 = 0xE000_E018
    public static let iser0: UInt32 = 0xE000_E100, ispr0: UInt32 = 0xE000_E200, ipr0: UInt32 = 0xE000_E400
    public static let icsr: UInt32 = 0xE000_ED04, vtor: UInt32 = 0xE000_ED08, aircr: UInt32 = 0xE000_ED0C, scr: UInt32 = 0xE000_ED10
    public static let ccr: UInt32 = 0xE000_ED14, shpr2: UInt32 = 0xE000_ED1C, shpr3: UInt32 = 0xE000_ED20, shcsr: UInt32 = 0xE000_ED24
    public static let cfsr: UInt32 = 0xE000_ED28, cpacr: UInt32 = 0xE000_ED88
    public static let pendSV: UInt32 = 1 << 28, pendSysTick: UInt32 = 1 << 26
    /// MemManage, BusFault and UsageFault on.
    public static let faultsOn: UInt32 = 7 << 16
}
