// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What an exception's entry has stacked of a thread. Source: ARMv7-M ARM, B1.5.6.
struct ExceptionFrame {
    /// R0 to R3, R12, LR, PC, xPSR.
    let words: [UInt32]
    /// S0 to S15 and FPSCR; nil in a basic frame.
    let floatingPoint: [UInt32]?
    /// The stack pointer behind it.
    let stackPointer: UInt32

    /// - Parameter extended: with registers of the FPU, by EXC_RETURN's bit 4; nil where that is not known.
    init?(_ memory: some RTOSMemory, at address: UInt32, extended: Bool) {
        guard address & 3 == 0, let basic = memory.words(address, 8) else { return nil }
        words = basic
        floatingPoint = extended ? memory.words(address &+ 32, 17) : nil
        if extended, floatingPoint == nil { return nil }
        // Bit 9 of the stacked xPSR: a word of padding.
        stackPointer = address &+ (extended ? 0x68 : 0x20) &+ (basic[7] & 1 << 9 != 0 ? 4 : 0)
    }

    /// With R4 to R11, and S16 to S31 where they are kept.
    func context(_ saved: [UInt32], high: [UInt32]?) -> ThreadContext {
        let r: [UInt32?] = [words[0], words[1], words[2], words[3]] + saved.map { $0 } + [words[4], stackPointer, words[5], words[6] & ~1]
        var s = [UInt32?](repeating: nil, count: 32)
        if let floatingPoint {
            for n in 0..<16 { s[n] = floatingPoint[n] }
            if let high { for n in 0..<16 { s[16 + n] = high[n] } }
        }
        return ThreadContext(r: r, xpsr: words[7] & ~(1 << 9), s: s, fpscr: floatingPoint.map { $0[16] })
    }
}

/// How PendSV's handler saves a thread, read from its code: builds differ, and nothing else tells for certain.
enum SwitchCode {
    /// What it pushes on the thread's stack, from the lowest address on: R4 to R11, LR where `link`; then S16 to S31, where the thread uses the FPU and
    /// `highFPU`; then the exception's frame.
    struct Pushes: Equatable { var link: Bool, highFPU: Bool }

    /// Halfwords of the handler that are looked at.
    private static let longest = 96

    /// nil where the code is another: registers of threads that are switched out are not known then.
    static func pushes(_ memory: some RTOSMemory, _ program: some RTOSProgram, handlers: [String]) -> Pushes? {
        for name in handlers {
            guard let (address, size) = program.symbol(name) else { continue }
            let count = size == 0 ? longest : min(longest, Int(size / 2))
            let bytes = memory.peek(address, count: count * 2)
            let code = (0..<bytes.count / 2).map { UInt16(bytes[$0 * 2]) | UInt16(bytes[$0 * 2 + 1]) << 8 }
            var found: Pushes?, highFPU = false
            for (first, second) in zip(code, code.dropFirst()) {
                // VSTMDB Rn!, {S16-S31}, before the core's registers.
                if first & 0xFFF0 == 0xED20, second == 0x8A10, found == nil { highFPU = true }
                // STMDB Rn!, {R4-R11} or {R4-R11, LR}. Source: ARMv7-M ARM, A7.7.160.
                if first & 0xFFF0 == 0xE920, second == 0x4FF0 || second == 0x0FF0, found == nil { found = Pushes(link: second == 0x4FF0, highFPU: highFPU) }
            }
            if let found { return found }
        }
        return nil
    }

    /// Of a thread whose stack pointer is `stack`.
    static func context(_ memory: some RTOSMemory, stack: UInt32, _ pushes: Pushes) -> ThreadContext? {
        guard stack & 3 == 0, let saved = memory.words(stack, pushes.link ? 9 : 8) else { return nil }
        var frame = stack &+ UInt32(saved.count * 4), extended = false, high: [UInt32]?
        if pushes.link {
            // An EXC_RETURN to a thread on the process stack; anything else is no stack of a thread that is switched out.
            guard saved[8] & 0xFFFF_FFEF == 0xFFFF_FFED else { return nil }
            extended = saved[8] & 0x10 == 0
            if extended, pushes.highFPU {
                high = memory.words(frame, 16)
                frame = frame &+ 64
            }
        }
        return ExceptionFrame(memory, at: frame, extended: extended)?.context(Array(saved[..<8]), high: high)
    }
}
