import Chips

/// DMA controllers DMA1 and DMA2 (RM0436, DMA): memory to memory, and to and from the UARTs.
///
/// An item takes four core cycles between memories, and a UART's character time otherwise; it moves when half a block, or a
/// received character, is due. Requests of other peripherals, double buffers, bursts and FIFO
/// errors are not modelled: a stream that waits for such a request waits on.
public final class DMA: RegisterBlock {
    static let streamCount: UInt32 = 8

    private enum Offset {
        static let lisr: UInt32 = 0x00
        static let lifcr: UInt32 = 0x08
        static let hifcr: UInt32 = 0x0C
        // Of a stream, from 0x10 and every 0x18.
        static let cr: UInt32 = 0x00
        static let ndtr: UInt32 = 0x04
        static let par: UInt32 = 0x08
        static let m0ar: UInt32 = 0x0C
    }

    /// Bits of SxCR.
    private enum Control {
        static let en: UInt32 = 1, transferError: UInt32 = 1 << 2
        static let peripheralIncrement: UInt32 = 1 << 9, memoryIncrement: UInt32 = 1 << 10, circular: UInt32 = 1 << 8
    }

    /// Bits of a stream's six in LISR or HISR.
    private enum Flag {
        static let transferError: UInt32 = 1 << 3, half: UInt32 = 1 << 4, complete: UInt32 = 1 << 5
    }

    private enum Direction { case peripheralToMemory, memoryToPeripheral, memoryToMemory }

    /// What a stream is doing, besides its registers.
    private struct Stream {
        /// Items of the whole block, and of it done.
        var total: UInt32 = 0
        var done: UInt32 = 0
        /// When the next half will be done; `.max` while the stream waits for a request.
        var due: UInt64 = .max
    }

    /// 1 or 2.
    private let number: Int
    private let alarm: Alarm
    /// DMAMUX1's output of this controller's first stream.
    private let firstChannel: UInt32
    /// By stream.
    private let interrupts: [Int]
    private let multiplexer: RegisterBlock
    private let uarts: [UART]
    /// Requests that were told to come from nowhere: stream and number.
    private var toldRequests: Set<UInt32> = []
    private var streams = [Stream](repeating: Stream(), count: Int(streamCount))

    init(_ number: Int, on interconnect: Interconnect, multiplexer: RegisterBlock, uarts: [UART]) {
        self.number = number
        self.multiplexer = multiplexer
        self.uarts = uarts
        firstChannel = number == 1 ? 0 : 8
        let name = "DMA\(number)"
        interrupts = (0..<Self.streamCount).map { interconnect.chip.registers.line("\(name)_STR\($0)") }
        alarm = Alarm(name, on: interconnect)
        super.init(index: Self.index(name, on: interconnect), on: interconnect)
        alarm.wake(self)
    }

    override class var plainRegisters: [Range<UInt32>] { [0x00..<0xD0] }
    override var missingFeatures: [MissingFeature] { Self.missing }
    override var featuresOn: [UnsupportedFeature] {
        super.featuresOn + (0..<Self.streamCount).filter { self[Self.registers($0)] & Control.en != 0 }.compactMap(requestInVain)
    }

    private static func registers(_ stream: UInt32) -> UInt32 { 0x10 + stream * 0x18 }

    /// Where a stream's flags are: the register, and the lowest bit.
    private static func flags(_ stream: UInt32) -> (offset: UInt32, shift: UInt32) {
        (Offset.lisr + (stream / 4) * 4, [0, 6, 16, 22][Int(stream % 4)])
    }

    // MARK: Registers

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case Offset.lifcr, Offset.hifcr:
            self[offset - 8] &= ~value
            for stream in 0..<Self.streamCount { update(stream) }
        case 0x10..<0xD0:
            let stream = (offset - 0x10) / 0x18
            let isEnabled = self[Self.registers(stream)] & Control.en != 0
            if (offset - 0x10) % 0x18 == Offset.cr {
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
        alarm.cancel()
        for stream in streams.indices { streams[stream] = Stream() }
        if isTouched { for stream in 0..<Self.streamCount { update(stream) } }
    }

    private func enableChanged(_ stream: UInt32, from wasEnabled: Bool) {
        let registers = Self.registers(stream)
        let isEnabled = self[registers] & Control.en != 0
        guard isEnabled != wasEnabled else { return }
        if isEnabled {
            streams[Int(stream)] = Stream(total: self[registers + Offset.ndtr] & 0xFFFF)
            start(stream)
            tellRequestInVain(stream)
        } else {
            // Stopping completes the stream (RM0436, DMA).
            streams[Int(stream)].due = .max
            raise(stream, Flag.complete)
        }
        schedule()
    }

    // MARK: Transfers

    private func direction(_ stream: UInt32) -> Direction {
        switch self[Self.registers(stream)] >> 6 & 3 {
        case 0: .peripheralToMemory
        case 1: .memoryToPeripheral
        default: .memoryToMemory
        }
    }

    /// The UART and direction of DMAMUX1's request for `stream`; nil for requests without a model.
    private func request(_ stream: UInt32) -> (uart: UART, receive: Bool)? {
        let id = multiplexer[(firstChannel + stream) * 4] & 0x7F
        // USART2, USART3, UART4, UART5, USART6, UART7, UART8: receive, then transmit at the next number.
        let pairs: [(UInt32, UART.Instance)] = [
            (43, .usart2), (45, .usart3), (63, .uart4), (65, .uart5), (71, .usart6), (79, .uart7), (81, .uart8),
        ]
        for (receive, instance) in pairs where id == receive || id == receive + 1 {
            return (uarts[instance.rawValue], id == receive)
        }
        return nil
    }

    /// The request that the stream waits for, if nothing ever makes it.
    private func requestInVain(_ stream: UInt32) -> UnsupportedFeature? {
        guard direction(stream) != .memoryToMemory, request(stream) == nil else { return nil }
        return missingRequest(stream, number: multiplexer[(firstChannel + stream) * 4] & 0x7F)
    }

    /// Once for each stream and request.
    private func tellRequestInVain(_ stream: UInt32) {
        guard let feature = requestInVain(stream) else { return }
        let number = multiplexer[(firstChannel + stream) * 4] & 0x7F
        if toldRequests.insert(stream << 8 | number).inserted { interconnect.host.unsupportedFeature(feature) }
    }

    private func isRequested(_ stream: UInt32) -> Bool {
        if direction(stream) == .memoryToMemory { return true }
        guard let request = request(stream) else { return false }
        return request.receive == (direction(stream) == .peripheralToMemory) && request.uart.isRequestingDMA(receive: request.receive)
    }

    /// A peripheral's request became active.
    func requestsChanged() {
        guard isTouched else { return }
        for stream in 0..<Self.streamCount where self[Self.registers(stream)] & Control.en != 0 && streams[Int(stream)].due == .max {
            start(stream)
        }
        schedule()
    }

    /// Items until the next thing to tell: half of the block, or its end; one when a peripheral brings them singly.
    private func batch(_ stream: UInt32) -> UInt32 {
        let state = streams[Int(stream)]
        if direction(stream) == .peripheralToMemory { return 1 }
        let half = state.total / 2
        return state.done < half ? half - state.done : state.total - state.done
    }

    private func start(_ stream: UInt32) {
        let state = streams[Int(stream)]
        guard state.total > state.done, isRequested(stream) else { return }
        let cycles = direction(stream) == .memoryToMemory ? 4 : request(stream)?.uart.characterCycles ?? 4
        streams[Int(stream)].due = interconnect.now &+ UInt64(batch(stream)) * cycles
    }

    override func alarmDue(_ cycle: UInt64) {
        for stream in 0..<Self.streamCount where streams[Int(stream)].due <= cycle {
            streams[Int(stream)].due = .max
            transfer(stream, items: batch(stream))
        }
        schedule()
    }

    private func schedule() {
        var due = UInt64.max
        for stream in streams { due = min(due, stream.due) }
        alarm.set(due)
    }

    private func transfer(_ stream: UInt32, items: UInt32) {
        for _ in 0..<items {
            // An item may have been written to this controller's own registers.
            guard streams[Int(stream)].done < streams[Int(stream)].total else { break }
            guard moveItem(stream) else {
                self[Self.registers(stream)] &= ~Control.en
                return raise(stream, Flag.transferError)
            }
        }
        let state = streams[Int(stream)]
        self[Self.registers(stream) + Offset.ndtr] = state.total - state.done
        if state.done == state.total / 2, state.total > 1 { raise(stream, Flag.half) }
        if state.done == state.total { complete(stream) } else { start(stream) }
    }

    private func complete(_ stream: UInt32) {
        let registers = Self.registers(stream)
        if self[registers] & Control.circular != 0, direction(stream) != .memoryToMemory {
            streams[Int(stream)].done = 0
            self[registers + Offset.ndtr] = streams[Int(stream)].total
            start(stream)
        } else {
            self[registers] &= ~Control.en
        }
        raise(stream, Flag.complete)
    }

    /// Moves one item of PSIZE, the memory side in the same size; false is a bus error.
    private func moveItem(_ stream: UInt32) -> Bool {
        let registers = Self.registers(stream)
        let control = self[registers]
        let width = [1, 2, 4, 4][Int(control >> 11 & 3)]
        let step = UInt32(width) &* streams[Int(stream)].done
        let peripheral = self[registers + Offset.par] &+ (control & Control.peripheralIncrement != 0 ? step : 0)
        let memory = self[registers + Offset.m0ar] &+ (control & Control.memoryIncrement != 0 ? step : 0)
        let isToPeripheral = direction(stream) == .memoryToPeripheral
        guard let value = load(isToPeripheral ? memory : peripheral, width) else { return false }
        streams[Int(stream)].done += 1
        return store(isToPeripheral ? peripheral : memory, value, width)
    }

    private func load(_ address: UInt32, _ width: Int) -> UInt32? {
        if address >> 29 == 2 { return interconnect.read(address, width: width, by: .cortexM4) }
        return interconnect.host.dmaRead(address, width: width)
    }

    private func store(_ address: UInt32, _ value: UInt32, _ width: Int) -> Bool {
        guard address >> 29 == 2 else { return interconnect.host.dmaWrite(address, value, width: width) }
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
        let enabled = self[Self.registers(stream)] << 1 & 0x3C
        interconnect.drive(interrupts[Int(stream)], self[flags.offset] >> flags.shift & enabled != 0)
    }
}

/// DMA request multiplexer (RM0436, DMAMUX): which request each stream serves. Synchronisation and generators are not modelled.
final class DMAMUX: RegisterBlock {
    override class var plainRegisters: [Range<UInt32>] { [0x00..<0x40, 0x80..<0x88, 0x100..<0x110, 0x140..<0x148] }
    override var missingFeatures: [MissingFeature] { Self.missing }
}
