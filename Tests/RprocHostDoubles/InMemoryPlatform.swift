// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import ELF32
import MachineBase
import RprocHost

/// What stands in the M4's place in an `InMemoryPlatform`.
public protocol InMemoryRemote: AnyObject {
    /// The core was reset: forget everything.
    func reset(on platform: InMemoryPlatform)
    /// The core may execute. Takes no virtual time.
    /// - Returns: when it wants to be called again, `.never` to wait for an interrupt.
    func run(on platform: InMemoryPlatform) -> VirtualTime
}

/// A machine without a processor: RAM, the IPCC, the few registers that Linux's driver touches, and a virtual clock.
///
/// For tests of anything that uses `RprocHost`. It has the memories of a chip and, on request, some of its external memory. What happens is decided by virtual time alone, so a run repeats exactly.
///
/// ```swift
/// let platform = InMemoryPlatform()
/// platform.remote = MockRemote(services: [.init("rpmsg-tty", address: 0x400)])
/// let host = RemoteProcessor(configuration: .init(bootSequence: .elf), platform: platform, firmware: { _ in image })
/// platform.host = host
/// try host.start()
/// ```
public final class InMemoryPlatform: HostPlatform, NonSecureBus {
    public weak var host: RemoteProcessor?
    public var remote: (any InMemoryRemote)?
    public private(set) var now = VirtualTime.zero
    public var bus: any NonSecureBus { self }
    public let chip: SoCDescription
    public let ipcc: InMemoryIPCC
    /// Whether the core executes: boot was released, and no reset came since.
    public private(set) var isCoreRunning = false
    /// How often the core began to execute.
    public private(set) var starts = 0
    /// Memory or registers that the firewall keeps from the A7.
    public var refused: [(range: PhysicalRange, owner: String)] = []
    /// Every 32-bit register write of the host, in order, while `recordsWrites`.
    public private(set) var registerWrites: [(address: PhysicalAddress, value: UInt32)] = []
    public var recordsWrites = false
    /// From a doorbell to the remote's `run`.
    public var remoteLatency = VirtualTime.microseconds(2)
    /// Makes waits end as if a signal had come.
    public var isInterrupted = false

    private var banks: [Bank]
    private var registers: [UInt32: UInt32]
    private let holdBoot: PhysicalAddress, coreReset: PhysicalAddress
    private var workAt = VirtualTime.never
    private var remoteAt = VirtualTime.never

    /// - Parameter ddr: bytes of external memory.
    public init(_ chip: SoCDescription = .stm32mp157, ddr: UInt32 = 0) {
        self.chip = chip
        ipcc = InMemoryIPCC(chip.mailbox)
        let coprocessor = chip.coprocessor
        (holdBoot, coreReset) = (coprocessor.holdBoot.address, coprocessor.reset.address)
        registers = [holdBoot, coreReset, coprocessor.resourceTable.address, coprocessor.state.address].reduce(into: [:]) { $0[$1.value] = 0 }
        registers[coprocessor.standby.address.value] = 1
        banks = chip.memories.map { Bank(starts: $0.physicalAddresses.map(\.value), size: Int($0.size)) }
        if ddr > 0 { banks.append(Bank(starts: chip.externalMemory.physicalAddresses.map(\.value), size: Int(ddr))) }
    }

    // MARK: State

    /// The machine, but for what the remote knows.
    public struct State {
        var now: VirtualTime
        var ipcc: InMemoryIPCC.State
        var isCoreRunning: Bool
        var starts: Int
        var banks: [[UInt8]]
        var registers: [UInt32: UInt32]
        var workAt: VirtualTime
        var remoteAt: VirtualTime
    }
    /// Saves it, or restores it, with the host's and the remote's; not while time passes. What refuses accesses is the test's to say.
    public var state: State {
        get {
            State(
                now: now, ipcc: ipcc.state, isCoreRunning: isCoreRunning, starts: starts, banks: banks.map(\.contents), registers: registers, workAt: workAt,
                remoteAt: remoteAt)
        }
        set {
            (now, ipcc.state, isCoreRunning, starts) = (newValue.now, newValue.ipcc, newValue.isCoreRunning, newValue.starts)
            for (bank, contents) in zip(banks, newValue.banks) { bank.contents = contents }
            (registers, workAt, remoteAt) = (newValue.registers, newValue.workAt, newValue.remoteAt)
        }
    }

    // MARK: Time

    public func wait(until deadline: VirtualTime, or condition: () -> Bool) -> WaitOutcome {
        // Events that go on at one instant for ever would never let time pass.
        var instants = 0
        var last = now
        while true {
            if condition() { return .conditionMet }
            if isInterrupted { return .interrupted }
            if now >= deadline { return .deadlineReached }
            let next = min(workAt, remoteAt)
            guard next <= deadline else {
                if deadline == .never { return .interrupted }
                now = deadline
                continue
            }
            now = max(now, next)
            instants = now == last ? instants + 1 : 0
            last = now
            if instants > 1_000_000 { return .interrupted }
            if remoteAt <= now { runRemote() }
            if workAt <= now {
                workAt = .never
                host?.workDue()
            }
        }
    }

    /// Lets `span` of virtual time pass.
    public func run(for span: VirtualTime) { _ = wait(until: now + span, or: { false }) }

    public func scheduleWork(at time: VirtualTime) { workAt = time == .never ? .never : max(time, now) }

    private func runRemote() {
        remoteAt = .never
        guard isCoreRunning, let remote else { return }
        let next = remote.run(on: self)
        if next != .never { remoteAt = min(remoteAt, max(next, now)) }
    }

    /// Has the remote run at the next opportunity, without a doorbell.
    public func wakeRemote() { if isCoreRunning { remoteAt = min(remoteAt, now) } }

    /// Starts the core as the release of hold boot does; the trusted firmware calls it.
    public func releaseCore() {
        guard !isCoreRunning else { return }
        isCoreRunning = true
        starts += 1
        remote?.reset(on: self)
        remoteAt = now
    }

    /// Sets a register that a boot stage fills in before Linux begins: TAMP's backup registers, hold boot.
    public func setRegister(_ address: PhysicalAddress, _ value: UInt32) {
        if registers[address.value] != nil { registers[address.value] = value }
    }

    public func register(_ address: PhysicalAddress) -> UInt32? { registers[address.value] }

    /// What U-Boot's `rproc load` and `rproc start` leave behind: the ELF's segments in memory, the M4 running, its state CRUN and
    /// its table's address in TAMP.
    ///
    /// - Parameter table: what goes into BKP17R; nil for the address of the ELF's `.resource_table`, 0 without one.
    public func startByBootLoader(_ image: [UInt8], table: UInt32? = nil) {
        guard let elf = try? ELFFile(image) else { return }
        for segment in elf.programHeaders where segment.type == ProgramHeader.load {
            let start = Int(segment.offset), end = start + Int(segment.fileSize)
            guard end <= image.count else { continue }
            remoteWrite(chip.physical(DeviceAddress(segment.physicalAddress)) ?? PhysicalAddress(segment.physicalAddress), Array(image[start..<end]))
        }
        var tableAddress: UInt32 = 0
        if let section = elf.section(named: ".resource_table"), Int(section.offset) + Int(section.size) <= image.count {
            remoteWrite(PhysicalAddress(section.address), Array(image[Int(section.offset)..<Int(section.offset) + Int(section.size)]))
            tableAddress = section.address
        }
        registers[chip.coprocessor.state.address.value] = STM32Registers.m4StateRunning
        registers[chip.coprocessor.resourceTable.address.value] = table ?? tableAddress
        releaseCore()
    }

    /// Stops the core, as a reset with boot held does.
    public func resetCore() {
        isCoreRunning = false
        remoteAt = .never
    }

    // MARK: The bus

    public func read(_ address: PhysicalAddress, into buffer: UnsafeMutableRawBufferPointer) throws(BusError) {
        guard buffer.count > 0 else { return }
        buffer.copyMemory(from: UnsafeRawBufferPointer(start: try pointer(address, buffer.count, isWrite: false), count: buffer.count))
    }

    public func write(_ address: PhysicalAddress, from buffer: UnsafeRawBufferPointer) throws(BusError) {
        guard let source = buffer.baseAddress, buffer.count > 0 else { return }
        try pointer(address, buffer.count, isWrite: true).copyMemory(from: source, byteCount: buffer.count)
    }

    public func read32(_ address: PhysicalAddress) throws(BusError) -> UInt32 {
        try checkFirewall(address, 4, isWrite: false)
        if let value = ipcc.read(address) { return value }
        guard let value = registers[address.value] else { throw BusError(address: address, count: 4, isWrite: false, cause: .unmapped) }
        return value
    }

    public func write32(_ address: PhysicalAddress, _ value: UInt32) throws(BusError) {
        try checkFirewall(address, 4, isWrite: true)
        if recordsWrites { registerWrites.append((address, value)) }
        if ipcc.write(address, value) { return deliverInterrupts() }
        guard registers[address.value] != nil else { throw BusError(address: address, count: 4, isWrite: true, cause: .unmapped) }
        switch address {
        case holdBoot:
            registers[address.value] = value
            if value & chip.coprocessor.holdBoot.mask != 0 { releaseCore() }
        case coreReset: if value & chip.coprocessor.reset.mask != 0 { resetCore() }
        default: registers[address.value] = value
        }
    }

    /// Raises the lines that an access has changed: the A7's to the host, the M4's as a call of `run`.
    private func deliverInterrupts() {
        let rising = ipcc.takeRisingEdges()
        if rising.contains(.hostReceive) { host?.interrupt(.mailboxReceive) }
        if rising.contains(.hostTransmitFree) { host?.interrupt(.mailboxTransmitFree) }
        if rising.contains(.remoteReceive) && isCoreRunning { remoteAt = min(remoteAt, now + remoteLatency) }
    }

    private func checkFirewall(_ address: PhysicalAddress, _ count: Int, isWrite: Bool) throws(BusError) {
        for entry in refused where entry.range.overlaps(PhysicalRange(start: address, size: UInt32(truncatingIfNeeded: count))) {
            throw BusError(address: address, count: count, isWrite: isWrite, cause: .protected(owner: entry.owner))
        }
    }

    private func pointer(_ address: PhysicalAddress, _ count: Int, isWrite: Bool) throws(BusError) -> UnsafeMutableRawPointer {
        if !refused.isEmpty { try checkFirewall(address, count, isWrite: isWrite) }
        for bank in banks { if let pointer = bank.pointer(address.value, count) { return pointer } }
        throw BusError(address: address, count: count, isWrite: isWrite, cause: .unmapped)
    }

    // MARK: The M4's and the secure world's view

    /// The remote's own accesses: no firewall; outside memory nothing happens and zeros are read.
    public func remoteRead(_ address: PhysicalAddress, count: Int) -> [UInt8] {
        for bank in banks {
            if let pointer = bank.pointer(address.value, count) { return Array(UnsafeRawBufferPointer(start: pointer, count: count)) }
        }
        return [UInt8](repeating: 0, count: count)
    }

    public func remoteWrite(_ address: PhysicalAddress, _ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        for bank in banks {
            guard let pointer = bank.pointer(address.value, bytes.count) else { continue }
            bytes.withUnsafeBytes { pointer.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(pointer), byteCount: bytes.count) }
            return
        }
    }

    /// Plain memory as the remote sees it, for rings and buffers; nil outside.
    public func remoteMemory(_ address: PhysicalAddress, count: Int) -> UnsafeMutableRawPointer? {
        for bank in banks { if let pointer = bank.pointer(address.value, count) { return pointer } }
        return nil
    }

    /// A write of the remote to its mailbox registers; `offset` is one of `Mailbox.Offsets`.
    public func remoteWriteIPCC(_ offset: UInt32, _ value: UInt32) {
        if ipcc.write(chip.mailbox.address(offset), value) { deliverInterrupts() }
    }

    /// Memory that answers at one or two places.
    private final class Bank {
        let starts: [UInt32]
        let size: Int
        let bytes: UnsafeMutableRawPointer
        init(starts: [UInt32], size: Int) {
            self.starts = starts
            self.size = size
            bytes = .allocate(byteCount: size, alignment: 16)
            bytes.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        }
        deinit { bytes.deallocate() }

        var contents: [UInt8] {
            get { Array(UnsafeRawBufferPointer(start: bytes, count: size)) }
            set { newValue.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: bytes, count: size).copyBytes(from: $0.prefix(size)) } }
        }

        func pointer(_ address: UInt32, _ count: Int) -> UnsafeMutableRawPointer? {
            for start in starts where address >= start {
                let offset = Int(address &- start)
                if offset < size, count >= 0, count <= size - offset { return bytes + offset }
            }
            return nil
        }
    }
}
