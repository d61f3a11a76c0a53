// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips

/// Serial peripheral interface SPI1 to SPI6 (RM0436, SPI): a master with frames of 4 to 32 bits, both ways at once, one way, or on one
/// line; FIFOs with thresholds, transfers of a length and endless ones, interrupts and DMA requests. A frame takes its time by the kernel
/// clock, MBR and MIDI; devices answer at its end.
///
/// Slave mode, CRC, TI mode, I2S, and reloading the length are not modelled; nor is what hangs on a board's bus, where nothing was attached.
public final class SPI: RegisterBlock {
    public let number: Int
    private let interrupt: Int
    private let clock: ClockInput
    /// At the pins.
    private let nss: PinSignal
    /// DMAMUX1's inputs.
    private let receiveRequest: DMARequest, transmitRequest: DMARequest
    /// Bytes of each FIFO.
    private let depth: UInt32
    /// What hangs on the bus, by its place in `State.selected`.
    private var devices: [SPIDevice] = []
    private var selections: [SPIDevice.Selection] = []

    struct State: BlockState {
        var sending = FrameQueue()
        var received = FrameQueue()
        /// The frame on the wire, if any.
        var frame: UInt32 = 0
        var isShifting = false
        /// Of a transfer of a length: frames written to TXDR, and frames that are still to go over the wire.
        var loaded: UInt32 = 0
        var remaining: UInt32 = 0
        /// Flags of SR that stay until IFCR clears them.
        var flags: UInt32 = 0
        /// CR1.CSUSP was written while a frame was under way.
        var isSuspending = false
        /// NSS is low.
        var drivesNSS = false
        /// Devices that are selected, bit 0 for the first.
        var selected: UInt32 = 0
    }
    private var state = State()
    override var ownState: any BlockState {
        get { state }
        set {
            state = newValue as? State ?? state
            // The bus is the host's, and may have other devices than where the state was saved.
            state.selected &= devices.count < 32 ? (1 &<< UInt32(devices.count)) &- 1 : .max
            for (index, selection) in selections.enumerated() { if case .always = selection { state.selected |= 1 &<< UInt32(index) } }
        }
    }

    /// - Parameter number: 1 to 6.
    init(_ number: Int, on interconnect: Interconnect) {
        self.number = number
        let name = "SPI\(number)"
        clock = ClockInput(name, on: interconnect)
        nss = PinSignal(name + "_NSS", on: interconnect)
        interrupt = interconnect.chip.registers.line(name)
        depth = number <= 3 ? 16 : 8
        receiveRequest = DMARequest(name + "_RX", on: interconnect)
        transmitRequest = DMARequest(name + "_TX", on: interconnect)
        super.init(index: Self.index(name, on: interconnect), on: interconnect, alarm: name)
        receiveRequest.connect(self, movesSingly: true)
        transmitRequest.connect(self, movesSingly: true)
    }

    override var map: BlockMap { devices.isEmpty ? Self.mapOfBareBus : Self.map }
    private static let map = makeMap([])
    private static let mapOfBareBus = makeMap([
        MissingFeature("device on the bus", CR1.CSTART, when: .init(CR1.SPE), .init(CFG2.MASTER), effect: "what comes in is 0"),
    ])
    /// - Parameter more: behind the others, whose places must stay.
    private static func makeMap(_ more: [MissingFeature]) -> BlockMap {
        typealias Row = MissingFeature
        let on = Row.Condition(CR1.SPE), isMaster = Row.Condition(CFG2.MASTER)
        return BlockMap(
            onRead: [SR.self, RXDR.self],
            onWrite: [CR1.self, CR2.self, CFG1.self, CFG2.self, IER.self, IFCR.self, TXDR.self],
            acting: [
                CR1.SPE, CR1.MASRX, CR1.CSTART, CR1.CSUSP, CR1.HDDIR, CR2.TSIZE, CFG1.DSIZE, CFG1.FTHLV, CFG1.RXDMAEN, CFG1.TXDMAEN, CFG1.MBR,
                CFG2.MIDI, CFG2.COMM, CFG2.LSBFRST, CFG2.SSIOP, CFG2.SSOE, CFG2.AFCNTR, IER.all, SR.all, IFCR.all, TXDR.all, RXDR.all,
            ],
            holding: [
                // Both ends have the clock's phase and polarity, and the same pins. The first frame comes at once.
                CFG2.CPHA, CFG2.CPOL, CFG2.IOSWP, CFG2.MSSI,
                // Of CRC, of a slave, of I2S.
                CR1.CRC33_17, CR1.RCRCINI, CR1.TCRCINI, CFG1.CRCSIZE, CRCPOLY.all, TXCRC.all, RXCRC.all, CFG1.UDRCFG, CFG1.UDRDET, UDRDR.all,
                I2SCFGR.I2SCFG, I2SCFGR.I2SSTD, I2SCFGR.PCMSYNC, I2SCFGR.DATLEN, I2SCFGR.CHLEN, I2SCFGR.CKPOL, I2SCFGR.FIXCH, I2SCFGR.WSINV,
                I2SCFGR.DATFMT, I2SCFGR.I2SDIV, I2SCFGR.ODD, I2SCFGR.MCKOE,
            ],
            missing: [
                Row("slave mode", CFG2.MASTER, is: [0], when: on, waits: true, effect: "no clock comes"),
                Row("CRC", CFG1.CRCEN, when: on, effect: "none is sent or checked"),
                Row("TI mode", CFG2.SP, is: [1 << CFG2.SP.shift], when: on, effect: "frames go as in Motorola mode"),
                Row("I2S", I2SCFGR.I2SMOD, when: on, waits: true, effect: "no sample goes in or out"),
                Row("reload of the transfer's length", CR2.TSER, when: on, waits: true, effect: "the transfer ends without it"),
                Row("NSS as a master's input", CFG2.SSM, is: [0], when: on, isMaster, .init(CFG2.SSOE, is: [0]), effect: "no mode fault comes"),
                Row("mode fault by SSI", CR1.SSI, is: [0], when: on, isMaster, .init(CFG2.SSM), .init(CFG2.SSIOP, is: [0]), .init(CFG2.SSOE, is: [0]),
                    effect: "no mode fault comes"),
                Row("NSS between frames", CFG2.SSOM, when: on, isMaster, .init(CFG2.SSOE), effect: "it stays active until the transfer's end"),
                Row("lock of the I/O configuration", CR1.IOLOCK, effect: "CFG2 can be changed all the same"),
            ] + more)
    }

    // MARK: The bus

    /// Hangs a device on the bus, for good; before firmware begins. Without one that is selected, MISO is low. At most 32.
    public func attach(_ device: SPIDevice, selectedBy selection: SPIDevice.Selection = .always) {
        guard devices.count < 32 else { return }
        let bit = UInt32(1) &<< UInt32(devices.count)
        devices.append(device)
        selections.append(selection)
        switch selection {
        case .always: state.selected |= bit
        case .nss: if state.drivesNSS { select(bit, true) }
        case .pin(let port, let pin):
            guard let gpio = interconnect.port(port) else { return }
            if gpio.drivesLow(pin) { select(bit, true) }
            gpio.watch(pin) { [unowned self] isLow in select(bit, isLow) }
        }
    }

    private func select(_ bit: UInt32, _ isSelected: Bool) {
        guard (state.selected & bit != 0) != isSelected else { return }
        state.selected ^= bit
        devices[bit.trailingZeroBitCount].select(isSelected)
    }

    private func driveNSS(_ isLow: Bool) {
        guard isLow != state.drivesNSS else { return }
        state.drivesNSS = isLow
        updatePin()
        for index in devices.indices {
            if case .nss = selections[index] { select(1 &<< UInt32(index), isLow) }
        }
    }

    /// A master with SSOE drives NSS, to the level that SSIOP makes active, and others let go of it; one that is off, too, but for AFCNTR
    /// (RM0436, SPI: slave select).
    private func updatePin() {
        nss.drive((has(CR1.SPE) || has(CFG2.AFCNTR)) && has(CFG2.MASTER) && has(CFG2.SSOE) ? state.drivesNSS == has(CFG2.SSIOP) : nil)
    }

    /// What all selected devices answer to a frame, wired together.
    private func exchange(_ frame: UInt32) -> UInt32 {
        let bits = frameBits, mask = UInt32.max >> (32 &- bits)
        let isReversed = has(CFG2.LSBFRST)
        let sent = isReversed ? frame.bitReversed >> (32 &- bits) : frame & mask
        guard state.selected != 0 else { return 0 }
        var answer = mask
        for index in devices.indices where state.selected >> UInt32(index) & 1 != 0 { answer &= devices[index].exchange(sent, bits: Int(bits)) }
        return isReversed ? answer.bitReversed >> (32 &- bits) : answer
    }

    // MARK: Registers

    /// 4 to 32.
    private var frameBits: UInt32 { max(4, self[CFG1.DSIZE] &+ 1) }
    /// In the FIFOs: 1, 2 or 4.
    private var frameBytes: UInt32 { frameBits <= 8 ? 1 : frameBits <= 16 ? 2 : 4 }
    /// Of a packet, which the thresholds count.
    private var packetBytes: UInt32 { (self[CFG1.FTHLV] &+ 1) &* frameBytes }
    private var hasLength: Bool { has(CR2.TSIZE) }

    /// COMM: both ways, transmitter, receiver, half duplex by HDDIR.
    private var sends: Bool { switch self[CFG2.COMM] { case 0, 1: true; case 2: false; default: has(CR1.HDDIR) } }
    private var receives: Bool { switch self[CFG2.COMM] { case 0, 2: true; case 1: false; default: !has(CR1.HDDIR) } }

    private var hasRoomForPacket: Bool {
        guard !hasLength || state.loaded < self[CR2.TSIZE] else { return false }
        return depth &- state.sending.count &* frameBytes >= min(packetBytes, depth)
    }
    private var hasPacket: Bool { state.received.count &* frameBytes >= packetBytes }

    private var status: UInt32 {
        var status = state.flags
        if hasRoomForPacket { status |= SR.TXP.mask }
        let bytes = state.received.count &* frameBytes
        if hasPacket { status |= SR.RXP.mask }
        if status.has(SR.TXP), status.has(SR.RXP) { status |= SR.DXP.mask }
        if bytes >= 4 { status |= SR.RXWNE.mask }
        if frameBytes < 4 { status[SR.RXPLVL] = bytes % 4 / frameBytes }
        let isIdle = hasLength ? state.flags.has(SR.EOT) : !state.isShifting && state.sending.count == 0
        if isIdle || !has(CR1.SPE) { status |= SR.TXC.mask }
        status[SR.CTSIZE] = state.remaining
        return status
    }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        guard offset == RXDR.offset else { return status }
        let width = UInt32(truncatingIfNeeded: interconnect.readWidth)
        var word: UInt32 = 0, place: UInt32 = 0
        // An access takes as many frames as it has room for.
        repeat {
            guard let frame = state.received.take() else { break }
            word |= frame &<< (place &* 8)
            place &+= frameBytes
        } while place &+ frameBytes <= width
        proceed()
        return word
    }

    override func peek(_ offset: UInt32) -> UInt32 {
        guard offset == RXDR.offset else { return status }
        var queue = state.received, word: UInt32 = 0, place: UInt32 = 0
        repeat {
            guard let frame = queue.take() else { break }
            word |= frame &<< (place &* 8)
            place &+= frameBytes
        } while place &+ frameBytes <= 4
        return word
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case TXDR.offset: load(value >> UInt32(lanes.trailingZeroBitCount & 31), bytes: UInt32(lanes.nonzeroBitCount / 8))
        case IFCR.offset: state.flags &= ~value
        case CR1.offset: control(value, lanes: lanes)
        case IER.offset: merge(offset, value, lanes: lanes)
        case CFG1.offset:
            // Only the DMA's enables change while the SPI is on.
            merge(offset, value, lanes: has(CR1.SPE) ? lanes & (CFG1.RXDMAEN.mask | CFG1.TXDMAEN.mask) : lanes)
        default:
            guard !has(CR1.SPE) else { break }
            merge(offset, value, lanes: lanes)
            if offset == CFG2.offset { updatePin() }
        }
        proceed()
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        guard isTouched else { return }
        stop()
        update()
    }

    private func control(_ value: UInt32, lanes: UInt32) {
        let wasOn = has(CR1.SPE), wasStarted = self[CR1.offset] & CR1.CSTART.mask
        // CSTART is set by software and cleared by hardware; CSUSP reads 0.
        merge(CR1.offset, (value | wasStarted) & ~CR1.CSUSP.mask, lanes: lanes | CR1.CSTART.mask)
        guard has(CR1.SPE) else { return stop() }
        if !wasOn {
            state.loaded = 0
            updatePin()
        }
        if has(CR1.CSTART), wasStarted == 0 {
            state.remaining = self[CR2.TSIZE]
            if has(CFG2.MASTER), has(CFG2.SSOE) { driveNSS(true) }
        }
        if value.has(CR1.CSUSP), has(CR1.CSTART) { state.isSuspending = true }
    }

    /// SPE is off: FIFOs and flags are empty (RM0436, SPI: disabling).
    private func stop() {
        cancelAlarm()
        driveNSS(false)
        let selected = state.selected
        state = State()
        state.selected = selected
        self[CR1.CSTART] = 0
        updatePin()
    }

    private func load(_ value: UInt32, bytes: UInt32) {
        guard has(CR1.SPE) else { return }
        var place: UInt32 = 0
        repeat {
            guard (state.sending.count &+ 1) &* frameBytes <= depth else { return }
            state.sending.add(value >> (place &* 8) & UInt32.max >> (32 &- frameBits))
            state.loaded &+= 1
            place &+= frameBytes
        } while place &+ frameBytes <= bytes
        if hasLength, state.loaded >= self[CR2.TSIZE] { state.flags |= SR.TXTF.mask }
    }

    // MARK: Transfers

    /// Core cycles of a frame; nil without a clock.
    private var frameCycles: UInt64? {
        let kernel = clock.hertz
        guard kernel > 0 else { return nil }
        let bits = UInt64(frameBits &+ self[CFG2.MIDI])
        return max(1, (bits << UInt64(self[CFG1.MBR] &+ 1)) * interconnect.clock.hertz / kernel)
    }

    /// Puts the next frame on the wire if there is one and nothing holds it back; then tells what has changed.
    private func proceed() {
        if !state.isShifting, has(CR1.CSTART), has(CFG2.MASTER) {
            if state.isSuspending {
                state.isSuspending = false
                state.flags |= SR.SUSP.mask
                self[CR1.CSTART] = 0
            } else if canShift, let cycles = frameCycles {
                state.frame = sends ? state.sending.take() ?? 0 : 0
                state.isShifting = true
                setAlarm(interconnect.now &+ cycles)
            }
        }
        update()
    }

    private var canShift: Bool {
        if hasLength, state.remaining == 0 { return false }
        if sends, state.sending.count == 0 { return false }
        // With MASRX the clock stops where a frame would be lost.
        return !(receives && has(CR1.MASRX) && isReceiverFull)
    }

    private var isReceiverFull: Bool { (state.received.count &+ 1) &* frameBytes > depth }

    override func alarmDue(_ cycle: UInt64) {
        guard state.isShifting else { return }
        state.isShifting = false
        let answer = exchange(state.frame)
        if receives {
            if isReceiverFull { state.flags |= SR.OVR.mask } else { state.received.add(answer) }
        }
        if hasLength, state.remaining > 0 {
            state.remaining &-= 1
            if state.remaining == 0 {
                state.flags |= SR.EOT.mask
                state.isSuspending = false
                self[CR1.CSTART] = 0
                driveNSS(false)
            }
        }
        proceed()
    }

    /// Interrupt and DMA requests.
    private func update() {
        let status = status, enables = self[IER.offset], isOn = has(CR1.SPE)
        // An enable is at its flag's place; EOTIE is SUSP's and TXC's, too.
        let isEnd = enables.has(IER.EOTIE) && (status.has(SR.SUSP) || status.has(SR.TXC))
        interconnect.drive(interrupt, isOn && (status & enables != 0 || isEnd))
        // The last frames of a transfer may be less than a packet.
        receiveRequest.set(has(CFG1.RXDMAEN) && (status.has(SR.RXP) || status.has(SR.EOT) && state.received.count > 0))
        transmitRequest.set(isOn && has(CFG1.TXDMAEN) && status.has(SR.TXP))
    }
}

/// Up to sixteen frames, first in, first out.
struct FrameQueue: Equatable, Sendable {
    private var frames = SIMD16<UInt32>()
    private var first: UInt32 = 0
    private(set) var count: UInt32 = 0

    /// Nothing is added to a full one.
    mutating func add(_ frame: UInt32) {
        guard count < 16 else { return }
        frames[Int((first &+ count) & 15)] = frame
        count &+= 1
    }

    mutating func take() -> UInt32? {
        guard count > 0 else { return nil }
        let frame = frames[Int(first & 15)]
        first = (first &+ 1) & 15
        count &-= 1
        return frame
    }
}

extension UInt32 {
    fileprivate var bitReversed: UInt32 {
        var value = self
        value = (value >> 1) & 0x5555_5555 | (value & 0x5555_5555) << 1
        value = (value >> 2) & 0x3333_3333 | (value & 0x3333_3333) << 2
        value = (value >> 4) & 0x0F0F_0F0F | (value & 0x0F0F_0F0F) << 4
        return value.byteSwapped
    }
}
