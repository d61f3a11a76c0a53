import CUnicorn
import CortexM
import MachineBase

/// Arm semihosting: `BKPT 0xAB` with an operation in R0 and its argument in R1. Source: Arm semihosting specification 2.0.
///
/// Text goes to `onText`; there are no files: SYS_OPEN knows only `:tt`, the console.
public struct Semihosting {
    enum Outcome { case handled, exit(Int32) }
    /// Longest text taken from one call, in bytes.
    static let longestText: UInt32 = 64 * 1024

    var clock = CoreClock(hertz: 64_000_000)
    /// What SYS_GET_CMDLINE answers; its first word is the program's name.
    public var commandLine = ""
    /// Gets what firmware writes to the console.
    public var onText: (([UInt8]) -> Void)?
    /// One line about each call that is not supported.
    public var onUnsupported: ((UInt32) -> Void)?

    func call(_ core: Core) -> Outcome {
        let operation = core.engine.r(0), argument = core.engine.r(1)
        var result: UInt32 = 0
        switch operation {
        case 0x01:  // SYS_OPEN
            let name = text(core, at: core.word(argument) ?? 0, count: min(core.word(argument &+ 8) ?? 0, 16))
            result = name == Array(":tt".utf8) ? 1 + ((core.word(argument &+ 4) ?? 0) >> 2) : .max
        case 0x02: result = 0  // SYS_CLOSE
        case 0x03: onText?(text(core, at: argument, count: 1))  // SYS_WRITEC
        case 0x04:  // SYS_WRITE0
            var bytes = text(core, at: argument, count: Self.longestText)
            if let end = bytes.firstIndex(of: 0) { bytes.removeSubrange(end...) }
            onText?(bytes)
        case 0x05:  // SYS_WRITE: handle, pointer, count; answers the count not written
            let count = core.word(argument &+ 8) ?? 0
            let bytes = text(core, at: core.word(argument &+ 4) ?? 0, count: min(count, Self.longestText))
            onText?(bytes)
            result = count &- UInt32(bytes.count)
        case 0x06: result = core.word(argument &+ 8) ?? 0  // SYS_READ: end of file
        case 0x07: result = .max  // SYS_READC
        case 0x09: result = 1  // SYS_ISTTY
        case 0x10: result = UInt32(truncatingIfNeeded: clock.time(cycles: core.cycles).nanoseconds / 10_000_000)  // SYS_CLOCK: centiseconds
        case 0x11: result = 0  // SYS_TIME: virtual time has no epoch
        case 0x13: result = 0  // SYS_ERRNO
        case 0x15: result = putCommandLine(core, into: argument) ? 0 : .max  // SYS_GET_CMDLINE
        case 0x18:  // SYS_EXIT: ADP_Stopped_ApplicationExit is success
            return .exit(argument == 0x20026 ? 0 : 1)
        case 0x20:  // SYS_EXIT_EXTENDED
            return .exit(core.word(argument) == 0x20026 ? Int32(bitPattern: core.word(argument &+ 4) ?? 1) : 1)
        case 0x30:  // SYS_ELAPSED
            _ = core.store(UInt32(truncatingIfNeeded: core.cycles), at: argument)
            _ = core.store(UInt32(truncatingIfNeeded: core.cycles >> 32), at: argument &+ 4)
        case 0x31: result = UInt32(clamping: clock.hertz)  // SYS_TICKFREQ
        default:
            onUnsupported?(operation)
            result = .max
        }
        core.engine.setR(0, result)
        return .handled
    }

    /// Writes the command line and a zero to the buffer that `block` describes, address and size, and its length to the second word.
    private func putCommandLine(_ core: Core, into block: UInt32) -> Bool {
        let bytes = Array(commandLine.utf8)
        guard let buffer = core.word(block), let size = core.word(block &+ 4), bytes.count < Int(size) else { return false }
        let count = UInt32(truncatingIfNeeded: bytes.count) &+ 1
        guard let host = core.engine.memory(buffer, count: count) else { return false }
        for (index, byte) in (bytes + [0]).enumerated() { host[index] = byte }
        m4_engine_memory_written(core.engine.raw, buffer, count)
        return core.store(UInt32(truncatingIfNeeded: bytes.count), at: block &+ 4)
    }

    private func text(_ core: Core, at address: UInt32, count: UInt32) -> [UInt8] {
        guard count > 0, let region = m4_engine_region(core.engine.raw, address), let host = region.pointee.host else { return [] }
        let offset = address &- region.pointee.start
        let available = min(count, region.pointee.size &- offset)
        return Array(UnsafeBufferPointer(start: host + Int(offset), count: Int(available)))
    }
}
