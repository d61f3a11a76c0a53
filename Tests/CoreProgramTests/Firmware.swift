import M4Board
import MachineBase

/// A board with a program of a few instructions: vectors at 0, the program at 0x400, the handler of exception n at 0x2000 + n * 0x80.
struct Firmware {
    static let entry: UInt32 = 0x400
    static let stackTop: UInt32 = 0x1000_8000
    static func handler(_ n: Int) -> UInt32 { 0x2000 + UInt32(n) * 0x80 }

    let board: M4Board
    let output = Output()

    /// Handlers that are not given lock the test up visibly: their vectors point at execute-never memory.
    init(
        _ program: Thumb.Code..., stack: UInt32 = stackTop, handlers: [Int: Thumb.Code] = [:], vectors: [Int: UInt32] = [:],
        policy: FaultPolicy = .none, ddr: UInt32 = 0
    ) throws {
        var configuration = M4Board.Configuration()
        configuration.faultPolicy = policy
        configuration.ddrSize = ddr
        board = try M4Board(configuration)
        board.delegate = output
        try write(0, stack)
        for n in 1..<166 {
            let vector = vectors[n] ?? (n == 1 ? Self.entry | 1 : handlers[n] == nil ? 0x4000_0001 : Self.handler(n) | 1)
            try write(UInt32(n) * 4, vector)
        }
        try write(Self.entry, Array(program.joined()) + Thumb.stay)
        for (n, code) in handlers { try write(Self.handler(n), code + Thumb.bxLR) }
    }

    private static func physical(_ device: UInt32) -> PhysicalAddress {
        PhysicalAddress(device < 0x1_0000 ? 0x3800_0000 + device : device)
    }
    func write(_ device: UInt32, _ code: Thumb.Code) throws {
        try board.write(Self.physical(device), code.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] })
    }
    func write(_ device: UInt32, _ word: UInt32) throws { try board.writeWord(Self.physical(device), word, secure: true) }
    func word(_ device: UInt32) throws -> UInt32 { try board.readWord(Self.physical(device), secure: true) }

    /// Releases the core and runs it; `cycles` is plenty for the programs here, which end in a branch to itself.
    @discardableResult
    func run(_ cycles: UInt64 = 5000) -> StopReason {
        if board.isHeld { board.setHoldBoot(released: true) }
        return board.run(until: board.cycles + cycles)
    }

    /// What `Thumb.log` has written.
    var log: [UInt32] {
        get throws {
            let bytes = min(try word(Thumb.logAddress), 0x400)
            return try (0..<bytes / 4).map { try word(Thumb.logAddress + 4 + $0 * 4) }
        }
    }
    /// The word `index` of the frame that was stacked last from `top` on.
    func stacked(_ index: UInt32, top: UInt32 = stackTop, size: UInt32 = 0x20) throws -> UInt32 { try word(top - size + index * 4) }

    final class Output: M4BoardDelegate {
        var text: [UInt8] = []
        var findings: [BoardFinding] = []
        func board(_ board: M4Board, found finding: BoardFinding) { findings.append(finding) }
        func board(_ board: M4Board, output: [UInt8], from source: M4Board.TextSource) { text += output }
    }
}

/// Registers of the private peripheral bus.
enum PPB {
    static let systCSR: UInt32 = 0xE000_E010, systRVR: UInt32 = 0xE000_E014, systCVR: UInt32 = 0xE000_E018
    static let iser0: UInt32 = 0xE000_E100, ispr0: UInt32 = 0xE000_E200, ipr0: UInt32 = 0xE000_E400
    static let icsr: UInt32 = 0xE000_ED04, vtor: UInt32 = 0xE000_ED08, aircr: UInt32 = 0xE000_ED0C, scr: UInt32 = 0xE000_ED10
    static let ccr: UInt32 = 0xE000_ED14, shpr2: UInt32 = 0xE000_ED1C, shpr3: UInt32 = 0xE000_ED20, shcsr: UInt32 = 0xE000_ED24
    static let cfsr: UInt32 = 0xE000_ED28, cpacr: UInt32 = 0xE000_ED88
    static let pendSV: UInt32 = 1 << 28, pendSysTick: UInt32 = 1 << 26
    /// MemManage, BusFault and UsageFault on.
    static let faultsOn: UInt32 = 7 << 16
}
