import Chips

/// Hardware semaphore (RM0436, HSEM): 32 locks that name the core and process holding them.
///
/// A core locks in two steps, writing R[n] and reading it back, or in one, reading RLR[n]. Which core asks is the bus
/// master's id: the Cortex-A7s are 1, the Cortex-M4 is 2.
public final class HSEM: RegisterBlock {
    private enum Offset {
        static let readLock: Range<UInt32> = 0x80..<0x100
        static let c1IER: UInt32 = 0x100
        static let c1ISR: UInt32 = 0x108
        static let c2IER: UInt32 = 0x110
        static let c2ISR: UInt32 = 0x118
        static let cr: UInt32 = 0x140
        static let keyr: UInt32 = 0x144
    }

    private static let lock: UInt32 = 1 << 31
    private static let coreID: UInt32 = 0xF00
    private static let processID: UInt32 = 0xFF
    private let interrupt: Int
    private var applicationLevel = false

    init(on interconnect: Interconnect) {
        interrupt = interconnect.chip.registers.line("HSEM_IT2")
        super.init(index: Self.index("HSEM", on: interconnect), on: interconnect)
    }

    override class var plainRegisters: [Range<UInt32>] { [0x00..<0x120, 0x140..<0x148] }

    /// The content of R[n] for `semaphore` 0 to 31: LOCK in bit 31, the core in 11:8, the process in 7:0.
    public func state(_ semaphore: Int) -> UInt32 {
        semaphore >= 0 && semaphore < 32 ? self[UInt32(semaphore) * 4] : 0
    }

    private static func core(_ initiator: Initiator) -> UInt32 { initiator == .cortexM4 ? 2 << 8 : 1 << 8 }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case Offset.readLock:
            let semaphore = offset - Offset.readLock.lowerBound
            // Locks with process 0 when free; in any case reads who holds it.
            if self[semaphore] & Self.lock == 0 { self[semaphore] = Self.lock | Self.core(initiator) }
            return self[semaphore]
        case 0x104, 0x114: return 0                                            // CnICR
        case 0x10C: return self[Offset.c1ISR] & self[Offset.c1IER]             // CnMISR
        case 0x11C: return self[Offset.c2ISR] & self[Offset.c2IER]
        default: return readStored(offset, by: initiator)
        }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case 0..<0x80: writeSemaphore(offset, value, by: initiator)
        case Offset.readLock, Offset.c1ISR, 0x10C, Offset.c2ISR, 0x11C: return
        case Offset.c1IER, Offset.c2IER: merge(offset, value, lanes: lanes)
        case 0x104: self[Offset.c1ISR] &= ~value
        case 0x114: self[Offset.c2ISR] &= ~value
        case Offset.cr: clearAll(value)
        case Offset.keyr: merge(offset, value & 0xFFFF_0000, lanes: lanes)
        default: return writeStored(offset, value, lanes: lanes, by: initiator)
        }
        update()
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        if isTouched { update() }
    }

    /// Locks or frees: only with the asking core's own id, and freeing only with the id and process that hold it.
    private func writeSemaphore(_ offset: UInt32, _ value: UInt32, by initiator: Initiator) {
        let held = self[offset]
        let owner = value & (Self.coreID | Self.processID)
        guard value & Self.coreID == Self.core(initiator) else { return }
        if value & Self.lock != 0 {
            if held & Self.lock == 0 { self[offset] = Self.lock | owner }
        } else if held == Self.lock | owner {
            free(offset)
        }
    }

    /// CR frees every semaphore of one core, given the key.
    private func clearAll(_ value: UInt32) {
        guard value & 0xFFFF_0000 == self[Offset.keyr] else { return }
        for offset in stride(from: UInt32(0), to: 0x80, by: 4)
        where self[offset] & Self.lock != 0 && self[offset] & Self.coreID == value & Self.coreID {
            free(offset)
        }
    }

    private func free(_ offset: UInt32) {
        self[offset] = 0
        self[Offset.c1ISR] |= 1 << (offset / 4)
        self[Offset.c2ISR] |= 1 << (offset / 4)
    }

    private func update() {
        interconnect.drive(interrupt, self[Offset.c2ISR] & self[Offset.c2IER] != 0)
        let level = self[Offset.c1ISR] & self[Offset.c1IER] != 0
        if level != applicationLevel {
            applicationLevel = level
            interconnect.host.setApplicationProcessorInterrupt(.hsem, level: level)
        }
    }
}
