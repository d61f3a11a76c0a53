import CUnicorn
import CortexM
import MP1Peripherals

/// What the core is about, seen from outside: for whoever asks why nothing more happens.
public struct CoreActivity: Equatable, Sendable {
    public enum State: Equatable, Sendable { case held, lockedUp, asleep, running }
    public var state: State
    public var registers: CoreRegisters
    /// Starts of the blocks of instructions that ran last, each once, oldest first.
    public var blocks: [UInt32]
    /// Few blocks, over and over: a loop that waits.
    public var isLooping: Bool
    /// Registers of the SoC that the loop loads from, as far as its instructions tell.
    public var polled: [UInt32]
    /// Priority that execution has now; an interrupt needs a lesser number. 256 for none.
    public var priority: Int32
}

extension M4Board {
    /// Reads only; at the end of a run.
    public func activity() -> CoreActivity {
        let state: CoreActivity.State = isHeld ? .held : isLockedUp ? .lockedUp : isAsleep ? .asleep : .running
        let history = core.history
        var blocks: [UInt32] = []
        for block in history where !blocks.contains(block) { blocks.append(block) }
        let isLooping = state == .running && history.count >= 32 && blocks.count <= 12
        return CoreActivity(
            state: state, registers: core.registers, blocks: blocks, isLooping: isLooping, polled: isLooping ? polledRegisters(blocks) : [],
            priority: m4_engine_execution_priority(core.engine.raw))
    }

    /// The priority of an interrupt of the SoC, whether it is enabled, pending, and where its handler is.
    public func interruptState(_ irq: Int) -> (isEnabled: Bool, isPending: Bool, priority: Int32, handler: UInt32?) {
        let number = ExceptionNumber(16 + irq)
        let handler = core.word(core.scs.vectorTable &+ UInt32(4 * (16 + irq)))
        return (core.scs.exceptions.isEnabled(number), core.scs.exceptions.isPending(number), core.scs.exceptions.groupPriority(number), handler)
    }

    /// Whether the code at `address` is a branch to itself, as start-up files have for handlers that nobody defines.
    public func isEndlessLoop(at address: UInt32) -> Bool {
        var halfword: UInt16 = 0
        guard m4_engine_code(core.engine.raw, address & ~1, &halfword) else { return false }
        return halfword == 0xE7FE
    }

    /// Follows loads through the constants that a loop makes its addresses of.
    private func polledRegisters(_ blocks: [UInt32]) -> [UInt32] {
        var found: [UInt32] = [], written: [UInt32] = []
        var r = (0..<16).map { core.registers.r[$0] }
        for block in blocks {
            var pc = block
            for _ in 0..<32 {
                guard let instruction = core.instruction(at: pc) else { break }
                let first = instruction.first, second = instruction.second
                let access = instruction.access(pc: pc) { r[$0] }
                // What the loop itself stores to, as an output's toggling does, it does not wait for.
                if let access, access.isWrite { written.append(access.address) }
                if let access, !access.isWrite, (0x4000_0000..<0x6000_0000).contains(access.address), !found.contains(access.address) {
                    found.append(access.address)
                }
                if let destination = Self.loaded(first, second), let access, !access.isWrite, access.count == 4 {
                    let isMemory = access.address < 0x4000_0000
                    if isMemory, let value = core.word(access.address) { r[destination] = value }
                } else if first & 0xFBF0 == 0xF240 {
                    r[Int(second >> 8 & 15)] = Self.immediate(first, second)
                } else if first & 0xFBF0 == 0xF2C0 {
                    r[Int(second >> 8 & 15)] = r[Int(second >> 8 & 15)] & 0xFFFF | Self.immediate(first, second) << 16
                }
                pc &+= instruction.size
                // A conditional or plain branch ends the block.
                if first & 0xF000 == 0xD000 || first & 0xF800 == 0xE000 || (first & 0xF800 == 0xF000 && second & 0x8000 != 0) || first & 0xF500 == 0xB100 { break }
            }
        }
        return found.filter { !written.contains($0) }
    }

    /// The register that a LDR of a word loads.
    private static func loaded(_ first: UInt16, _ second: UInt16) -> Int? {
        if first & 0xF800 == 0x4800 { return Int(first >> 8 & 7) }
        if first & 0xF800 == 0x6800 { return Int(first & 7) }
        if first & 0xFF70 == 0xF850 { return Int(second >> 12) == 15 ? nil : Int(second >> 12) }
        return nil
    }

    /// Of MOVW and MOVT. Source: ARMv7-M ARM, A7.7.76.
    private static func immediate(_ first: UInt16, _ second: UInt16) -> UInt32 {
        UInt32(first & 15) << 12 | UInt32(first >> 10 & 1) << 11 | UInt32(second >> 12 & 7) << 8 | UInt32(second & 0xFF)
    }
}
