// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CLinuxBridge
import Chips
import M4Board
import MP1Peripherals
import MachineBase
import RprocHost

/// What a `GuestBoard` tells, in the board's virtual time, which follows the wall clock.
public enum GuestBoardEvent {
    /// Linux has released hold boot, with this firmware in the memories (nil where it is none of the known ones), or held it again.
    case started(VirtualTime, KnownFirmware?), held(VirtualTime)
    /// Linux has reset the M4.
    case reset(VirtualTime)
    /// The M4 has stopped for a reason of `StopReason`'s: a fault, at which it goes on in its handler as on a board, a lockup, a breakpoint, an exit.
    case stopped(VirtualTime, StopReason)
    /// From the board: text, what has no model, a reset by its watchdog.
    case board(VirtualTime, BoardEvent)
    /// The firmware breaks a rule of virtio's or rpmsg's; see `SharedMemoryWatch`.
    case broken(VirtualTime, Finding)
    /// A line of a trace buffer.
    case trace(VirtualTime, index: Int, String)
    /// A channel of the IPCC, counted from 0, was rung by Linux, or by the M4.
    case rang(VirtualTime, channel: Int, byM4: Bool)
    /// The first touch of a register without a model, which ends the run of a board that stops there.
    case stoppedAt(VirtualTime, UnmodelledAccess)
}

/// The M4's board beside a Linux guest: carries the guest's stores to registers in, interrupts out, and lets the M4 run as the wall clock goes.
public final class GuestBoard {
    public let board: M4Board
    private let memory: GuestMemory
    private var guest: RunningGuest?
    /// Interrupts to Linux that are up.
    private var raised: Set<Int> = []
    private let words: RegisterWords
    private var pacer: WallPacer
    /// The store that was acted on last.
    private var seen: UInt32 = 0
    private var isReleased = false
    /// The M4 has rung in this slice.
    private var ringsNow = false
    /// The firmware has ended: nothing runs until the next reset.
    private var hasEnded = false
    public let events = EventStream<GuestBoardEvent>()
    private var traces: GuestTraces
    private var firmware: [KnownFirmware] = []
    /// Checks what the firmware does to the memory that it shares with Linux.
    public let watch: SharedMemoryWatch
    /// Called for a breakpoint or watchpoint: whether the run goes on.
    public var onHalt: ((HaltReport) -> Bool)?

    /// At most so long without a look at the guest's stores, in virtual time.
    private static let slice = VirtualTime.microseconds(20)
    /// At most so long asleep, in nanoseconds: the M4 with nothing to do, and a loop that waits for memory which Linux may write.
    private static let longestSleep: UInt64 = 10_000_000, shortSleep: UInt64 = 50_000

    /// - Parameters:
    ///   - configuration: of the board; its memories are the guest's files, whatever it says of them.
    ///   - memory: of a guest that has not started.
    /// - Throws: `BoardError` when no board can be had.
    public init(_ configuration: M4Board.Configuration, memory: GuestMemory) throws(BoardError) {
        self.memory = memory
        var configuration = configuration
        let chip = memory.layout.chip
        configuration.sharedMemory = [:]
        for own in chip.memories { configuration.sharedMemory[own.name] = SharedMemory(descriptor: memory.descriptor(.memory(own.name))) }
        if configuration.ddrSize > 0, chip.externalStart.value >= GuestLayout.ramStart {
            configuration.sharedMemory[chip.externalMemory.name] = SharedMemory(
                descriptor: memory.descriptor(.ram), offset: Int(chip.externalStart.value - GuestLayout.ramStart))
        }
        board = try M4Board(configuration)
        let board = board
        words = RegisterWords(memory, board)
        traces = GuestTraces(board)
        watch = SharedMemoryWatch(
            bus: GuestBus(board), mailbox: chip.mailbox, channels: memory.layout.mailboxes, clock: { [unowned board] in board.now }
        ) { [events, unowned board] in events.publish(.broken(board.now, $0)) }
        pacer = WallPacer(from: board.now)
        board.events.subscribe { [unowned self] in hear($0) }
        board.soc.ipcc.onRing = { [unowned self] in hasRung($0) }
        showRegisters()
    }

    /// The images that Linux may start: whose symbols and tables are known. The first is taken for what runs already, if one does.
    public func know(_ firmware: [KnownFirmware]) {
        self.firmware = firmware
        guard board.isRunning, !board.isHeld, let first = firmware.first else { return }
        isUnderWay(first)
    }

    private func isUnderWay(_ known: KnownFirmware?) {
        watch.started(table: known?.tableRange)
        traces.begin()
    }

    /// Tells Linux of a crash by the watchdog's interrupt, the one way that its driver has of hearing of one. The M4 goes on until Linux stops it.
    public func reportCrash() { guest?.pulseInterrupt(GuestLayout.watchdogInterrupt) }

    /// Gives the guest what its registers have now, as boot stages leave them. Before the guest starts.
    public func showRegisters() { words.fill() }

    /// From here on interrupts reach the guest.
    public func join(_ guest: RunningGuest) {
        self.guest = guest
        for line in raised { guest.setInterrupt(line, true) }
    }

    private func setInterrupt(_ line: Int, _ level: Bool) {
        if level { raised.insert(line) } else { raised.remove(line) }
        guest?.setInterrupt(line, level)
    }

    /// Takes what has come since the last look; at the end.
    public func lookAgain() { look() }
    /// The trace buffers' text, as debugfs' files have it; none while the firmware does not run.
    public var traceTexts: [String] { traces.texts(watch.resourceTable) }

    /// Virtual time that the M4 did not get, because the host was too slow for it.
    public var lostTime: VirtualTime { pacer.lost }

    /// Runs until `isOver`, which is asked at least every 10 ms, or until the guest has gone.
    public func run(until isOver: () -> Bool) {
        pacer = WallPacer(from: board.now)
        while !isOver(), !linux_bridge_is_closed(memory.page) {
            if takeStore(sleeping: 0) { continue }
            let now = board.now, target = pacer.target(now)
            guard target > now else {
                _ = takeStore(sleeping: sleepTime)
                continue
            }
            // Held, asleep or ended it only counts; events come at their time.
            let deadline = board.isRunning && !board.isAsleep ? min(target, now + Self.slice) : target
            run(to: deadline)
            words.showChanges()
            if ringsNow {
                ringsNow = false
                watch.settle()
            }
            if board.now >= watch.nextLook { look() }
            // The clock is never where the board has just come to: what has nothing to do would be asked for ever.
            if !hasEnded, board.isAsleep || !board.isRunning { _ = takeStore(sleeping: sleepTime) }
        }
    }

    /// What comes without a doorbell.
    private func look() {
        watch.look()
        for (index, line) in traces.newLines(watch.resourceTable) { events.publish(.trace(board.now, index: index, line)) }
    }

    private func run(to deadline: VirtualTime) {
        guard !hasEnded else {
            _ = takeStore(sleeping: Self.longestSleep)
            return
        }
        switch board.run(until: board.configuration.coreClock.cycles(until: deadline)) {
        case .hostRequest:
            guard let access = board.unmodelledStop, !hasEnded else { break }
            hasEnded = true
            events.publish(.stoppedAt(board.now, access))
        case .deadline, .asleep, .held: break
        case .breakpoint(let report) where onHalt?(report) == true, .watchpoint(let report) where onHalt?(report) == true: break
        // It goes on in its handler, or has been through its reset, as on a board.
        case .fault(let report): events.publish(.stopped(board.now, .fault(report)))
        case .resetRequest(let local): events.publish(.stopped(board.now, .resetRequest(local: local)))
        case let reason:
            hasEnded = true
            events.publish(.stopped(board.now, reason))
        }
    }

    private var sleepTime: UInt64 {
        guard board.isAsleep || !board.isRunning else { return Self.shortSleep }
        let next = board.eventQueue.next
        guard next != .max else { return Self.longestSleep }
        let due = board.configuration.coreClock.time(cycles: next)
        return due > board.now ? min((due - board.now).nanoseconds, Self.longestSleep) : Self.shortSleep
    }

    /// The M4 rings, this very moment.
    private func hasRung(_ channels: UInt32) {
        ringsNow = true
        watch.raised(channels)
        for channel in 0..<memory.layout.chip.mailbox.channelCount where channels & 1 << UInt32(channel) != 0 { events.publish(.rang(board.now, channel: channel, byM4: true)) }
    }

    // MARK: The guest's stores

    /// Acts on a store if there is one, or comes within `nanoseconds`.
    private func takeStore(sleeping nanoseconds: UInt64) -> Bool {
        let request = linux_bridge_wait(memory.page, seen, 0, nanoseconds)
        guard request != seen else { return false }
        let store = memory.page.pointee
        let first = store.address & ~3, last = (store.address &+ max(store.size, 1) &- 1) & ~3
        act(on: first)
        if last != first { act(on: last) }
        seen = request
        linux_bridge_acknowledge(memory.page, request)
        return true
    }

    private func act(on address: UInt32) {
        guard let word = memory.layout.words[address] else { return }
        let value = words[address]
        switch word {
        case .reset: reset(address, value)
        case .holdBoot: holdBoot(address, value)
        case .ipcc(let offset):
            write(address, value)
            words.show(address)
            if offset == memory.layout.chip.mailbox.offsets.c1SCR { doorbells(value) }
        case .powerDown, .m4State, .resourceTable:
            write(address, value)
            words.show(address)
        }
        words.showChanges()
    }

    /// C1SCR: the upper half rings, the lower acknowledges.
    private func doorbells(_ value: UInt32) {
        for channel in 0..<memory.layout.chip.mailbox.channelCount {
            if value & 1 << UInt32(channel) != 0 { watch.acknowledged(channel) }
            guard value & 1 << UInt32(16 + channel) != 0 else { continue }
            watch.kicked(channel)
            events.publish(.rang(board.now, channel: channel, byM4: false))
        }
    }

    private func write(_ address: UInt32, _ value: UInt32) {
        // The boot chain gives Linux these registers.
        try? board.writeWord(PhysicalAddress(address), value, secure: true)
    }

    /// The chip's bit clears itself; Linux's driver clears it, too, as one that has to.
    private func reset(_ address: UInt32, _ value: UInt32) {
        words[address] = 0
        guard value & memory.layout.chip.coprocessor.reset.mask != 0 else { return }
        hasEnded = false
        look()
        watch.stopped()
        board.resetMCU()
        events.publish(.reset(board.now))
    }

    private func holdBoot(_ address: UInt32, _ value: UInt32) {
        let released = value & memory.layout.chip.coprocessor.holdBoot.mask != 0
        if released, !isReleased {
            // Linux has written the firmware since the M4 ran last.
            board.forgetTranslations()
            hasEnded = false
        }
        let starts = released && !isReleased
        // Before its first instruction: memory is as Linux has loaded it.
        let known = starts ? firmware.first { $0.isLoaded(in: board) } : nil
        write(address, value)
        words.show(address)
        guard released != isReleased else { return }
        isReleased = released
        if starts { isUnderWay(known) }
        events.publish(starts ? .started(board.now, known) : .held(board.now))
    }
}

extension GuestBoard {
    private func hear(_ event: BoardEvent) {
        switch event {
        case .soc(.applicationProcessorInterrupt(let line, let level)):
            words.showChanges()
            switch line {
            case .ipccReceive: setInterrupt(GuestLayout.receiveInterrupt, level)
            case .ipccTransmitFree: setInterrupt(GuestLayout.transmitInterrupt, level)
            case .hsem, .exti: break
            }
        case .watchdogReset:
            events.publish(.board(board.now, event))
            guest?.pulseInterrupt(GuestLayout.watchdogInterrupt)
        default: events.publish(.board(board.now, event))
        }
    }
}

extension GuestBoard: WriteRecord {
    public func lastWriter(of address: PhysicalAddress) -> UInt32? { board.accesses(of: address).writer }
    public func forgetWriters(_ address: PhysicalAddress, count: Int) { board.forgetAccesses(address, count: count) }

    /// Has findings name the instruction that wrote what is wrong, and finds what the firmware may not write to; accesses to rings, buffers and tables are
    /// slower for it. Behind `know`.
    /// - Throws: `BoardError.configuration` with libunicorn 2.0, which cannot.
    public func recordWriters(_ regions: [MemoryRegion]) throws(BoardError) {
        let ranges = regions.filter { $0.name.hasPrefix("vdev") }.map(\.range) + firmware.compactMap(\.tableRange)
        try board.record(Array(ranges.prefix(M4Board.mostRecorded)))
        watch.writeRecord = self
    }
}

extension GuestBoard {
    /// Channels of the rings, counted from 1, that Linux has rung and the M4 has not acknowledged; nil for none, or while the M4 is in reset.
    public var pendingDoorbells: String? {
        let mailbox = board.configuration.chip.mailbox
        guard !board.isHeld, let up = try? board.readWord(mailbox.address(mailbox.offsets.c1ToC2SR), secure: true) else { return nil }
        let channels = [watch.mailboxes.vq0, watch.mailboxes.vq1].compactMap { $0 }.filter { (0..<mailbox.channelCount).contains($0) && up & 1 << UInt32($0) != 0 }
        return channels.isEmpty ? nil : channels.map { "\($0 + 1)" }.joined(separator: ", ")
    }
}
