// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips

/// DMA controllers DMA1 and DMA2 (RM0436, DMA): memory to memory, and to and from each block that has a `DMARequest`.
///
/// An item takes four core cycles between memories, and what its block says otherwise; it moves when half a block, or a single item, is
/// due. Double buffers, bursts and FIFO errors are not modelled, and a stream whose request no model makes waits on.
public final class DMA: RegisterBlock {
    // Of a stream's six bits in LISR or HISR.
    private static let transferError = LISR.TEIF0.mask, half = LISR.HTIF0.mask, complete = LISR.TCIF0.mask

    private enum Direction { case peripheralToMemory, memoryToPeripheral, memoryToMemory }

    /// What a stream is doing, besides its registers.
    struct Stream: Equatable, Sendable {
        /// Items of the whole block, and of it done.
        var total: UInt32 = 0
        var done: UInt32 = 0
        /// When the next half will be done; `.max` while the stream waits for a request.
        var due: UInt64 = .max
    }

    struct State: BlockState {
        /// What each stream is doing.
        var streams = [Stream](repeating: Stream(), count: Int(SxCR.count))
        /// Requests that were told to come from nowhere: stream and number.
        var toldRequests: Set<UInt32> = []
    }
    private var state = State()
    override var ownState: any BlockState { get { state } set { state = newValue as? State ?? state } }

    /// DMAMUX1's output of this controller's first stream.
    private let firstChannel: UInt32
    /// By stream.
    private let interrupts: [Int]
    private let multiplexer: DMAMUX

    /// - Parameter number: 1 or 2.
    init(_ number: Int, on interconnect: Interconnect, multiplexer: DMAMUX) {
        self.multiplexer = multiplexer
        firstChannel = number == 1 ? 0 : SxCR.count
        let name = "DMA\(number)"
        interrupts = (0..<SxCR.count).map { interconnect.chip.registers.line("\(name)_STR\($0)") }
        super.init(index: Self.index(name, on: interconnect), on: interconnect, alarm: name)
    }

    override var map: BlockMap { Self.map }
    private static let map = BlockMap(
        onWrite: [LIFCR.self, HIFCR.self, SxCR.self, SxNDTR.self, SxPAR.self, SxM0AR.self, SxM1AR.self, SxFCR.self],
        acting: [
            LISR.all, HISR.all, LIFCR.all, HIFCR.all, SxNDTR.all, SxPAR.all, SxM0AR.all,
            SxCR.each(SxCR.EN, SxCR.DMEIE, SxCR.TEIE, SxCR.HTIE, SxCR.TCIE, SxCR.DIR, SxCR.CIRC, SxCR.PINC, SxCR.MINC),
        ],
        holding: [
            // Streams do not compete for the bus. The FIFO never errs, and of equal sizes moves what goes without it.
            SxCR.each(SxCR.PL, SxCR.TRBUFF), SxFCR.each(SxFCR.FTH, SxFCR.DMDIS, SxFCR.FS, SxFCR.FEIE),
            // Of a double buffer.
            SxCR.each(SxCR.CT), SxM1AR.all,
        ],
        missing: (0..<SxCR.count).flatMap { stream in
            typealias Row = MissingFeature
            let control = SxCR.offset(stream), number = Int(stream)
            func field(_ field: Field) -> Field { field.at(control) }
            let on = Row.Condition(field(SxCR.EN))
            let sizes: [UInt32] = [0, 1, 2]
            let unequal = sizes.flatMap { memory in
                sizes.filter { $0 != memory }.map { memory << SxCR.MSIZE.shift | $0 << SxCR.PSIZE.shift }
            }
            return [
                Row("double buffer", field(SxCR.DBM), when: on, stream: number, effect: "the second buffer is never used"),
                Row("bursts of the peripheral port", field(SxCR.PBURST), when: on, stream: number, effect: "items move singly"),
                Row("bursts of the memory port", field(SxCR.MBURST), when: on, stream: number, effect: "items move singly"),
                Row("the peripheral's flow control", field(SxCR.PFCTRL), when: on, stream: number, effect: "NDTR decides the length"),
                Row("increment of the peripheral's address by four", field(SxCR.PINCOS), when: .init(field(SxCR.PINC)), on,
                    .init(field(SxCR.PSIZE), is: [0, 1 << SxCR.PSIZE.shift]), stream: number, effect: "it is the item's size"),
                Row("packing between sizes in the FIFO", field(SxCR.MSIZE), field(SxCR.PSIZE), is: unequal,
                    when: .init(SxFCR.DMDIS.at(SxFCR.offset(stream))), on, stream: number, effect: "items have the peripheral's size on both sides"),
            ]
        })

    override var featuresOn: [UnsupportedFeature] {
        super.featuresOn + (0..<SxCR.count).filter { isEnabled($0) }.compactMap(requestInVain)
    }

    private func isEnabled(_ stream: UInt32) -> Bool { self[SxCR.offset(stream)].has(SxCR.EN) }

    /// Where a stream's flags are: the register, and the lowest bit.
    private static func flags(_ stream: UInt32) -> (offset: UInt32, shift: UInt32) {
        let shift: UInt32 = switch stream % 4 { case 0: 0; case 1: 6; case 2: 16; default: 22 }
        return (stream < 4 ? LISR.offset : HISR.offset, shift)
    }

    // MARK: Registers

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case LIFCR.offset, HIFCR.offset:
            self[offset == LIFCR.offset ? LISR.offset : HISR.offset] &= ~value
            for stream in 0..<SxCR.count { update(stream) }
        case SxCR.offset..<SxFCR.span.upperBound:
            let stream = (offset &- SxCR.offset) / SxCR.stride
            let isEnabled = isEnabled(stream)
            if offset == SxCR.offset(stream) {
                merge(offset, value, lanes: lanes)
                enableChanged(stream, from: isEnabled)
                update(stream)
            } else if !isEnabled {  // protected while the stream runs
                writeStored(offset, value, lanes: lanes, by: initiator)
            }
        default:
            writeStored(offset, value, lanes: lanes, by: initiator)
        }
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        cancelAlarm()
        for stream in state.streams.indices { state.streams[stream] = Stream() }
        if isTouched { for stream in 0..<SxCR.count { update(stream) } }
    }

    private func enableChanged(_ stream: UInt32, from wasEnabled: Bool) {
        let isEnabled = isEnabled(stream)
        guard isEnabled != wasEnabled else { return }
        if isEnabled {
            state.streams[Int(stream)] = Stream(total: self[SxNDTR.offset(stream)][SxNDTR.NDT])
            start(stream)
            tellRequestInVain(stream)
        } else {
            // Stopping completes the stream (RM0436, DMA).
            state.streams[Int(stream)].due = .max
            raise(stream, Self.complete)
        }
        schedule()
    }

    // MARK: Transfers

    private func direction(_ stream: UInt32) -> Direction {
        switch self[SxCR.offset(stream)][SxCR.DIR] {
        case 0: .peripheralToMemory
        case 1: .memoryToPeripheral
        default: .memoryToMemory
        }
    }

    /// DMAMUX1's input that `stream` serves.
    private func request(_ stream: UInt32) -> Int { multiplexer.request(firstChannel &+ stream) }

    /// The request that the stream waits for, if nothing ever makes it.
    private func requestInVain(_ stream: UInt32) -> UnsupportedFeature? {
        let number = request(stream)
        guard direction(stream) != .memoryToMemory, interconnect.requests.source(number) == nil else { return nil }
        let input = interconnect.chip.dmaRequests.name(number), block = interconnect.chip.dmaRequests.block(number)
        let why: String = switch (number, block) {
        case (0, _): "no request is selected"
        case (1...8, _): "the request generators do nothing"
        case (_, nil): "nothing is connected there"
        case (_, let block?): interconnect.has(block) ? "\(block) makes no DMA requests" : "m4run has no model of \(block)"
        }
        return unsupported(
            "DMAMUX1 request \(number)" + (input.map { ", \($0)" } ?? ""), SxCR.offset(stream), SxCR.EN.name, value: 1, stream: Int(stream),
            request: input, waits: true, why)
    }

    /// Once for each stream and request.
    private func tellRequestInVain(_ stream: UInt32) {
        guard let feature = requestInVain(stream) else { return }
        if state.toldRequests.insert(stream << 8 | UInt32(truncatingIfNeeded: request(stream))).inserted {
            interconnect.tell { $0.report(.unsupported(feature)) }
        }
    }

    private func isRequested(_ stream: UInt32) -> Bool {
        direction(stream) == .memoryToMemory || interconnect.requests.isHigh(request(stream))
    }

    /// A block's request became active, or another input was selected.
    func requestsChanged() {
        guard isTouched else { return }
        for stream in 0..<SxCR.count where isEnabled(stream) && state.streams[Int(stream)].due == .max {
            start(stream)
        }
        schedule()
    }

    /// Items until the next thing to tell: half of the block, or its end; one when a peripheral brings them singly.
    private func batch(_ stream: UInt32) -> UInt32 {
        let own = state.streams[Int(stream)]
        if direction(stream) != .memoryToMemory, interconnect.requests.movesSingly(request(stream)) { return 1 }
        let half = own.total / 2
        return own.done < half ? half - own.done : own.total - own.done
    }

    private func start(_ stream: UInt32) {
        let own = state.streams[Int(stream)]
        guard own.total > own.done, isRequested(stream) else { return }
        let cycles = direction(stream) == .memoryToMemory ? 4 : interconnect.requests.itemCycles(request(stream))
        state.streams[Int(stream)].due = interconnect.now &+ UInt64(batch(stream)) * cycles
    }

    override func alarmDue(_ cycle: UInt64) {
        for stream in 0..<SxCR.count where state.streams[Int(stream)].due <= cycle {
            state.streams[Int(stream)].due = .max
            transfer(stream, items: batch(stream))
        }
        schedule()
    }

    private func schedule() {
        var due = UInt64.max
        for stream in state.streams { due = min(due, stream.due) }
        setAlarm(due)
    }

    private func transfer(_ stream: UInt32, items: UInt32) {
        for _ in 0..<items {
            // An item may have been written to this controller's own registers.
            guard state.streams[Int(stream)].done < state.streams[Int(stream)].total else { break }
            guard moveItem(stream) else {
                self[SxCR.offset(stream)][SxCR.EN] = 0
                return raise(stream, Self.transferError)
            }
        }
        let own = state.streams[Int(stream)]
        self[SxNDTR.offset(stream)] = own.total - own.done
        if own.done == own.total / 2, own.total > 1 { raise(stream, Self.half) }
        if own.done == own.total { complete(stream) } else { start(stream) }
    }

    private func complete(_ stream: UInt32) {
        let control = SxCR.offset(stream)
        if self[control].has(SxCR.CIRC), direction(stream) != .memoryToMemory {
            state.streams[Int(stream)].done = 0
            self[SxNDTR.offset(stream)] = state.streams[Int(stream)].total
            start(stream)
        } else {
            self[control][SxCR.EN] = 0
        }
        raise(stream, Self.complete)
    }

    /// Moves one item of PSIZE, the memory side in the same size; false is a bus error.
    private func moveItem(_ stream: UInt32) -> Bool {
        let control = self[SxCR.offset(stream)]
        let width = switch control[SxCR.PSIZE] { case 0: 1; case 1: 2; default: 4 }
        let step = UInt32(width) &* state.streams[Int(stream)].done
        let peripheral = self[SxPAR.offset(stream)] &+ (control.has(SxCR.PINC) ? step : 0)
        let memory = self[SxM0AR.offset(stream)] &+ (control.has(SxCR.MINC) ? step : 0)
        let isToPeripheral = direction(stream) == .memoryToPeripheral
        guard let value = load(isToPeripheral ? memory : peripheral, width) else { return false }
        state.streams[Int(stream)].done += 1
        return store(isToPeripheral ? peripheral : memory, value, width)
    }

    private func load(_ address: UInt32, _ width: Int) -> UInt32? {
        if address >> 29 == 2 { return interconnect.read(address, width: width, by: .cortexM4) }
        return interconnect.tell { $0.dmaRead(address, width: width) }
    }

    private func store(_ address: UInt32, _ value: UInt32, _ width: Int) -> Bool {
        guard address >> 29 == 2 else { return interconnect.tell { $0.dmaWrite(address, value, width: width) } }
        interconnect.write(address, value, width: width, by: .cortexM4)
        return true
    }

    // MARK: Interrupts

    private func raise(_ stream: UInt32, _ flag: UInt32) {
        let flags = Self.flags(stream)
        self[flags.offset] |= flag << flags.shift
        update(stream)
    }

    private func update(_ stream: UInt32) {
        let flags = Self.flags(stream)
        // DMEIE, TEIE, HTIE, TCIE in CR are their flags' bits one place down.
        let enables = SxCR.DMEIE.mask | SxCR.TEIE.mask | SxCR.HTIE.mask | SxCR.TCIE.mask
        let enabled = (self[SxCR.offset(stream)] & enables) << 1
        interconnect.drive(interrupts[Int(stream)], self[flags.offset] >> flags.shift & enabled != 0)
    }
}
