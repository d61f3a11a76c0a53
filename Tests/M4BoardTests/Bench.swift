import Chips
import CortexM
import M4Board
import MachineBase
import Testing

/// A board with a test's program in RETRAM: vectors at 0, the program at 0x400, handlers at 0x1000 and every 0x100 on.
final class Bench {
    static let code: UInt32 = 0x400
    static let stack: UInt32 = 0x1000_8000
    /// Words that programs leave results in.
    static let results: UInt32 = 0x1000_9000
    let board: M4Board
    private var nextHandler: UInt32 = 0x1000
    private var nextCode = Bench.code

    init(
        faultPolicy: FaultPolicy = .none, windows: [MemoryWindow]? = nil, cycles: CycleModel = .instructions, rtt: RTT.Search = .off,
        executesWaits: Bool = false, shared: [String: SharedMemory] = [:], chip: SoCDescription = .stm32mp157
    ) throws {
        var configuration = M4Board.Configuration(chip)
        configuration.faultPolicy = faultPolicy
        configuration.memoryWindows = windows
        configuration.cycleModel = cycles
        configuration.rtt = rtt
        configuration.executesWaits = executesWaits
        configuration.sharedMemory = shared
        board = try M4Board(configuration)
        try word(0, Self.stack)
        try word(4, Self.code | 1)
        for number in 2..<16 { try vector(number, 0xFFE | 1) }
    }

    /// A device address as the A7 side has it.
    private func physical(_ device: UInt32) -> PhysicalAddress {
        board.configuration.chip.physical(DeviceAddress(device)) ?? PhysicalAddress(device)
    }

    func word(_ address: UInt32, _ value: UInt32) throws { try board.writeWord(physical(address), value, secure: true) }
    func word(_ address: UInt32) throws -> UInt32 { try board.readWord(physical(address), secure: true) }
    func result(_ index: UInt32) throws -> UInt32 { try word(Self.results + 4 * index) }

    func place(_ halfwords: [UInt16], at address: UInt32) throws {
        var bytes: [UInt8] = []
        for h in halfwords { bytes.appendLittleEndian(h) }
        try board.write(physical(address), bytes)
    }
    /// Adds instructions to the program.
    func program(_ parts: [UInt16]...) throws {
        for part in parts {
            try place(part, at: nextCode)
            nextCode += UInt32(part.count) * 2
        }
    }
    func vector(_ number: Int, _ value: UInt32) throws { try word(UInt32(number) * 4, value) }
    func handler(_ number: Int, _ parts: [UInt16]...) throws {
        try vector(number, nextHandler | 1)
        try place(parts.flatMap { $0 }, at: nextHandler)
        nextHandler += 0x100
    }

    /// Releases the core and runs it, at most a million cycles.
    @discardableResult
    func run(cycles: UInt64 = 1_000_000) -> StopReason {
        if board.isHeld { board.setHoldBoot(released: true) }
        return board.run(until: board.cycles + cycles)
    }

    @discardableResult
    func run(microseconds: UInt64) -> StopReason { run(cycles: microseconds * board.configuration.coreClock.hertz / 1_000_000) }

    /// Runs a program that ends with `Bench.exit`.
    func runToExit(_ location: SourceLocation = #_sourceLocation) {
        let reason = run()
        #expect(reason == .exit(code: 0), "\(reason)", sourceLocation: location)
    }

    var core: Core { board.core }

    /// Semihosting SYS_EXIT with success.
    static let exit: [UInt16] = Thumb.load(0, 0x18) + Thumb.load(1, 0x20026) + Thumb.semihosting
}
