// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// OP-TEE's remoteproc trusted application: takes signed images from Linux and lets the coprocessor run what is genuine.
///
/// One instance, kept alive from the first session on, and one session at a time. This is the face that Linux's TEE client sees:
/// sessions, command numbers, four parameters. ``RemoteprocSession`` is the same in Swift's terms.
/// Source: OP-TEE ta/remoteproc/src/remoteproc_core.c.
public final class RemoteprocTA {
    /// What a processor is doing, as the TA counts it.
    public enum State: String, Sendable, Codable { case off, loaded, started }

    public enum Command: UInt32, Sendable {
        case loadFirmware = 1
        case startFirmware = 2
        case stopFirmware = 3
        case getResourceTable = 4
        case getCoreDump = 5
        case releaseFirmware = 6

        /// The types a command's parameters must have; nil for one that is not implemented.
        var types: UInt32? {
            let none = TEEParameters.noType, value = TEEParameters.valueIn, out = TEEParameters.valueOut
            return switch self {
            case .loadFirmware: TEEParameters.types(value, TEEParameters.memoryIn, none, none)
            case .startFirmware, .stopFirmware, .releaseFirmware: TEEParameters.types(value, none, none, none)
            case .getResourceTable: TEEParameters.types(value, out, out, none)
            case .getCoreDump: nil
            }
        }
    }

    /// An open session.
    public struct Session: Hashable, Sendable { fileprivate let number: UInt32 }

    /// What the TA keeps of a processor it was ever asked to load.
    fileprivate struct Context: Equatable {
        var processor: UInt32
        var state = State.off
        var resourceTable: PhysicalRange?
    }

    /// Is told of every check that an image passes in a LOAD_FW, in the TA's order; what it fails is what the call throws.
    ///
    /// Costs nothing while nil.
    public var onCheck: ((LoadCheck) -> Void)?

    let pta: RemoteprocPTA
    private var memory: Memory

    /// All that changes in the TA.
    fileprivate struct Memory: Equatable {
        var heap: TAHeap
        var contexts: [Context] = []
        var session: Session?
        var sessionsOpened: UInt32 = 0
    }

    /// The TA and the PTA below it as one value, open session included.
    public struct WholeState: Equatable, Sendable {
        fileprivate var memory: Memory
        fileprivate var pta: RemoteprocPTA.State
    }

    /// Saves and restores both. The platform keeps memory, reset lines and firewall, and restores them itself; what a TA with another heap or
    /// platform had saved is as good.
    public var wholeState: WholeState {
        get { WholeState(memory: memory, pta: pta.state) }
        set {
            memory = newValue.memory
            pta.state = newValue.pta
        }
    }

    /// - Parameter heapSize: in bytes; OP-TEE's default of 4 KiB has room for about 28 program headers.
    public init(pta: RemoteprocPTA, heapSize: Int = 4096) {
        self.pta = pta
        memory = Memory(heap: TAHeap(capacity: heapSize))
    }

    /// The TA with a PTA of its own on `platform`, which holds the coprocessor from then on.
    public convenience init(
        platform: any SecurePlatform, configuration: RemoteprocPTA.Configuration, heapSize: Int = 4096
    ) {
        self.init(pta: RemoteprocPTA(platform: platform, configuration: configuration), heapSize: heapSize)
    }

    /// The state of a processor; nil for one that no LOAD_FW was called for.
    public func state(ofProcessor processor: UInt32) -> State? { memory.contexts.first { $0.processor == processor }?.state }

    /// Opens the session. p0.value.a is the processor.
    public func openSession(_ parameters: TEEParameters) throws(TEEFailure) -> Session {
        guard memory.session == nil else {
            throw TEEFailure(.busy, .session, "a session is open; the TA takes one at a time")
        }
        let types = TEEParameters.types(TEEParameters.valueIn)
        guard parameters.types == types else { throw .wrongTypes(parameters.types, expected: types) }
        do throws(KeyError) { try CryptoLibrary.load() } catch { throw TEEFailure(.generic, .session, "\(error)") }
        try pta.open(caller: .remoteproc, processor: parameters.p0.value.a)
        memory.sessionsOpened &+= 1
        let opened = Session(number: memory.sessionsOpened)
        memory.session = opened
        return opened
    }

    /// Closes a session. What is loaded or runs goes on; closing twice does nothing.
    public func closeSession(_ closing: Session) {
        if memory.session == closing { memory.session = nil }
    }

    /// Runs a command; output values are written into `parameters`.
    public func invoke(_ session: Session, _ number: UInt32, _ parameters: inout TEEParameters) throws(TEEFailure) {
        guard session == memory.session else {
            throw TEEFailure(.badParameters, .session, "the session is closed")
        }
        guard let command = Command(rawValue: number) else {
            throw TEEFailure(.badParameters, .command, "the TA has no command \(number); it has 1 to 6")
        }
        guard let types = command.types else {
            throw TEEFailure(.notImplemented, .command, "GET_COREDUMP is not implemented")
        }
        guard parameters.types == types else { throw .wrongTypes(parameters.types, expected: types) }
        let processor = parameters.p0.value.a
        if command == .loadFirmware {
            try load(context(of: processor), parameters.p1.memory)
            return
        }
        guard let index = memory.contexts.firstIndex(where: { $0.processor == processor }) else {
            throw TEEFailure(.badParameters, .processorUnknown, "no LOAD_FW was called for processor \(processor)")
        }
        switch command {
        case .startFirmware: try start(index)
        case .stopFirmware: try stop(index)
        case .getResourceTable: try getResourceTable(index, &parameters)
        case .releaseFirmware: try release(index)
        case .loadFirmware, .getCoreDump: break
        }
    }

    private func context(of processor: UInt32) throws(TEEFailure) -> Int {
        if let index = memory.contexts.firstIndex(where: { $0.processor == processor }) { return index }
        try memory.heap.allocate(TAHeap.contextSize, for: "the context of processor \(processor)")
        memory.contexts.append(Context(processor: processor))
        return memory.contexts.count - 1
    }

    private func load(_ index: Int, _ image: any SharedMemory) throws(TEEFailure) {
        switch memory.contexts[index].state {
        case .loaded: return
        case .started: throw TEEFailure(.badState, .state, "LOAD_FW while the firmware is started")
        case .off: break
        }
        let load = FirmwareLoad(image: image, processor: memory.contexts[index].processor, pta: pta, onCheck: onCheck)
        memory.contexts[index].resourceTable = try load.run(heap: memory.heap)
        memory.contexts[index].state = .loaded
    }

    private func start(_ index: Int) throws(TEEFailure) {
        switch memory.contexts[index].state {
        case .off: throw TEEFailure(.badState, .state, "START_FW while no firmware is loaded")
        case .started: return
        case .loaded:
            try pta.start(processor: memory.contexts[index].processor)
            memory.contexts[index].state = .started
        }
    }

    private func stop(_ index: Int) throws(TEEFailure) {
        switch memory.contexts[index].state {
        case .off: return
        case .loaded: throw TEEFailure(.badState, .state, "STOP_FW while the firmware is loaded but not started")
        case .started:
            try pta.stop(processor: memory.contexts[index].processor)
            memory.contexts[index].state = .off
        }
    }

    private func getResourceTable(_ index: Int, _ parameters: inout TEEParameters) throws(TEEFailure) {
        guard memory.contexts[index].state != .off else {
            throw TEEFailure(.badState, .state, "GET_RSC_TABLE while no firmware is loaded")
        }
        let table = memory.contexts[index].resourceTable
        parameters.p1 = .valueOutput(a: table?.start.value ?? 0)
        parameters.p2 = .valueOutput(a: table?.size ?? 0)
    }

    private func release(_ index: Int) throws(TEEFailure) {
        guard memory.contexts[index].state != .started else {
            throw TEEFailure(.badState, .state, "RELEASE_FW while the firmware is started")
        }
        try pta.release(processor: memory.contexts[index].processor)
        memory.contexts[index].state = .off
    }
}
