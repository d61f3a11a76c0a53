// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import MP1Peripherals
import MachineBase

/// When each exception's handler was entered last, and where its frame lies: for whoever finds one that does not return.
///
/// Written at each entry; memory of its own, without a class's checks.
final class ExceptionEntries {
    struct Entry: Equatable, Sendable { var cycle: UInt64 = 0, frame: UInt32 = 0 }
    private static let capacity = 512
    private let entries = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)

    init() { entries.initialize(repeating: Entry(), count: Self.capacity) }
    deinit { entries.deallocate() }

    func note(_ number: ExceptionNumber, cycle: UInt64, frame: UInt32) {
        entries[Int(number.value) & (Self.capacity - 1)] = Entry(cycle: cycle, frame: frame)
    }
    /// All of them, by number.
    var state: [Entry] {
        get { Array(UnsafeBufferPointer(start: entries, count: Self.capacity)) }
        set { for (number, entry) in newValue.prefix(Self.capacity).enumerated() { entries[number] = entry } }
    }
    subscript(number: ExceptionNumber) -> Entry { entries[Int(number.value) & (Self.capacity - 1)] }
}

/// A handler that has been entered and has not returned.
public struct HandlerUnderWay: Equatable, Sendable {
    /// 16 and more are the SoC's interrupts, from interrupt 0 on.
    public var number: ExceptionNumber
    public var since: VirtualTime
    /// The instruction it interrupted, and what executed that: 0 is thread mode.
    public var interrupted: UInt32
    public var interruptedNumber: ExceptionNumber
}

extension M4Board {
    /// The handlers under way, the one that executes first. A frame that is not to be read ends the list.
    public func handlersUnderWay() -> [HandlerUnderWay] {
        var found: [HandlerUnderWay] = []
        var number = core.currentException
        while number.value != 0, !found.contains(where: { $0.number == number }) {
            let entry = core.entered[number]
            guard let pc = core.word(entry.frame &+ 24), let xpsr = core.word(entry.frame &+ 28) else { break }
            let below = ExceptionNumber(Int(xpsr & 0x1FF))
            found.append(
                HandlerUnderWay(
                    number: number, since: configuration.coreClock.time(cycles: entry.cycle), interrupted: pc & ~1, interruptedNumber: below))
            number = below
        }
        return found
    }

    /// Interrupts of the SoC that are enabled in the NVIC and have never come.
    public var interruptsNeverTaken: [Int] {
        (0..<configuration.chip.registers.interruptCount).filter { core.scs.exceptions.isEnabled(.interrupt($0)) && core.entered[.interrupt($0)].cycle == 0 }
    }

    /// Timers that count towards an event, with its cycle, the next first, where an interrupt of theirs is enabled in the NVIC.
    public var timersUnderWay: [(peripheral: String, cycle: UInt64)] {
        let chip = configuration.chip
        let enabled = (0..<chip.registers.interruptCount).filter { core.scs.exceptions.isEnabled(.interrupt($0)) }
        let blocks = Set(enabled.flatMap { chip.peripherals(ofInterrupt: $0).map(\.name) })
        return eventQueue.pending.filter { blocks.contains($0.name) }.map { ($0.name, $0.cycle) }
    }

    /// The call that returns to `address`: the instruction, and where it goes when that is written in it. nil when no call is before it.
    public func call(returningTo address: UInt32) -> (instruction: UInt32, target: UInt32?)? {
        code.call(returningTo: address | 1).map { ($0.place, $0.target) }
    }
}
