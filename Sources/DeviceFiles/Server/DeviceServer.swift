// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import MachineBase
import RprocHost
import VirtualMP1

/// What a run serves to programs outside of it, and where.
public struct ServedFolders: Sendable {
    /// `ttyRPMSGn` and `rpmsgN` appear here; nil for `dev` in the control folder, if there is one.
    public var devices: String?
    /// Has `sys`, `lib/firmware` and the socket `control`; nil for no control.
    public var control: String?
    /// Whether `sys` is a file system where FUSE is usable. Without it there is the socket alone.
    public var usesFuse = true

    public init(devices: String? = nil, control: String? = nil) { (self.devices, self.control) = (devices, control) }
}

/// Serves a machine's devices and control files to other programs: one loop over `poll(2)`, on the machine's own thread.
///
/// What a program does enters at the virtual time that the machine has reached. While nobody does anything, virtual time
/// follows the wall clock, in steps of 20 ms at most; while messages are on their way it does not wait for it.
public final class DeviceServer {
    /// Why `serve` returned.
    public enum End: Equatable, Sendable {
        case signal(Int32)
        /// `MP1System.timeLimit` was reached.
        case virtualLimit
        case wallLimit
        case conditionMet
        /// The M4 stopped for good; see `MP1System.stopReason`.
        case stopped
        case failed(DeviceFilesError)
    }

    private let system: MP1System
    private let place: ServedPlace
    private let tree: ControlTree
    private var controlSocket: ControlSocket?
    private var fuse: FuseServer?
    private var terminals: [TerminalDevice] = []
    /// By number, as the kernel's tty layer keeps them for the next time that a port of the number appears.
    private var terminalSettings: [Int: termios] = [:]
    private let heldTerminals = HeldTerminals()
    private let leavingClients = LeavingClients()
    private var sockets: [MessageSocket] = []
    private var set = PollSet()
    private var problem: DeviceFilesError?
    private var longSteps: LongSteps?
    private var subscription: EventStream<SystemEvent>.Subscription?
    /// Whether what the run has to say waits for somebody who does not read. While it does, virtual time stands still, and all else goes
    /// on; what a program asks for (as by `echo stop > state`) takes its virtual time all the same.
    public var isHeld: () -> Bool = { false }

    /// A step of virtual time while nothing happens, and the longest wait for outside.
    private static let step = VirtualTime.milliseconds(20)
    /// More than this is not made up for when the machine was slower than the wall clock.
    private static let longestDebt: UInt64 = 100_000_000
    /// After so many things asked from outside in a row the machine has its turn.
    private static let longestTalk = 64
    /// Milliseconds in which who was answered in the midst of a step may go on.
    private static let talkPatience: Int32 = 2

    /// Serves `system` in `place`; devices follow as the firmware announces them. One server a place.
    public init(_ system: MP1System, in place: ServedPlace) {
        self.system = system
        self.place = place
        tree = ControlTree(system)
        let listener = place.controlListener
        if place.controlListener >= 0 {
            controlSocket = ControlSocket(ControlRequests(tree: tree, system: system, folder: place.folder.path), place.controlListener)
            place.controlListener = -1
        }
        if let mount = place.mount { fuse = FuseServer(tree, mount) }
        watchLongSteps(listener)
        place.signals.onFirst { [stopper = system.board.stopper] _ in stopper.interrupt() }
        listen()
    }

    /// Hears of everything that the machine has for the outside.
    private func listen() {
        system.keepsReceived = false
        system.linux.tty.changed = { [weak self] index, port in self?.changed(index, port) }
        system.linux.tty.isHeld = { [weak self] index in self?.heldTerminals.isHeld(index) ?? false }
        system.linux.raw.changed = { [weak self] node, isThere in self?.changed(node, isThere) }
        system.linux.raw.lookForCloses = { [weak self] in self?.leavingClients.takeEvents() }
        subscription = system.events.subscribe { [weak self] event in
            if case .ttyReceived(_, let tty, let bytes) = event { self?.terminals.first { $0.port.index == tty }?.receive(bytes) }
        }
        // Without control files nobody can read a dump, or free it.
        guard controlSocket != nil || fuse != nil else { return }
        system.linux.coredumpTaken = { [weak self] bytes in self?.tree.add(coredump: bytes) == true ? .kept : .dropped }
    }

    /// Who reads control files is answered also while the machine starts or stops firmware, and in the midst of a step.
    private func watchLongSteps(_ listener: Int32) {
        guard controlSocket != nil || fuse != nil else { return }
        longSteps = LongSteps([listener, place.mount?.device ?? -1]) { [stopper = system.board.stopper] in stopper.interrupt() }
        system.onReturn = { [weak self] in if self?.longSteps?.isWanted == true { self?.answerReaders() } }
    }

    private func answerReaders() {
        longSteps?.noteLook()
        let wasInStep = tree.isInStep
        tree.isInStep = true
        defer {
            tree.isInStep = wasInStep
            longSteps?.noteLooked(callers: controlSocket?.hasCallers == true)
        }
        var sources: [any PollSource] = []
        if let controlSocket { sources.append(controlSocket) }
        if let fuse { sources.append(fuse) }
        for turn in 0..<Self.longestTalk {
            var set = PollSet()
            for source in sources { source.watch(&set) }
            // A path is a look-up for each of its folders: the next mostly follows at once.
            set.wait(turn == 0 ? 0 : Self.talkPatience)
            guard set.hasFound else { return }
            for source in sources { _ = source.serve(set) }
        }
    }

    /// Made at once: firmware may send behind its announcement.
    private func changed(_ index: Int, _ port: RpmsgTTY?) {
        remove(terminal: index)
        guard let port else { return }
        do throws(DeviceFilesError) { try add(port) } catch { problem = problem ?? error }
    }

    private func changed(_ node: RpmsgCharacterDevice, _ isThere: Bool) {
        if isThere {
            do throws(DeviceFilesError) {
                sockets.append(try MessageSocket(node, in: place.devices, name: place.devicePrefix + node.name))
            } catch { problem = problem ?? error }
        } else {
            for socket in sockets where socket.device === node { socket.close(leavingClients) }
            sockets.removeAll { $0.device === node }
        }
    }

    private func add(_ port: RpmsgTTY) throws(DeviceFilesError) {
        let terminal = try TerminalDevice(port, settings: terminalSettings[port.index])
        terminal.onSent = { [unowned self] bytes in system.events.publish(.ttySent(system.now, tty: port.index, bytes)) }
        heldTerminals.watch(terminal.path, port: port.index)
        try place.devices.link(place.devicePrefix + port.name, to: terminal.path)
        terminals.append(terminal)
    }

    private func remove(terminal index: Int) {
        terminals.removeAll { terminal in
            guard terminal.port.index == index else { return false }
            place.devices.remove(place.devicePrefix + terminal.port.name)
            terminalSettings[index] = terminal.settings
            // The loop may be in the midst of its list of sources.
            terminal.close()
            return true
        }
    }

    // MARK: The loop

    /// Lets programs and machine talk until something ends it.
    ///
    /// - Parameters:
    ///   - wallLimit: wall time from now, in nanoseconds; nil for none.
    ///   - condition: looked at after each step.
    public func serve(wallLimit: UInt64? = nil, until condition: () -> Bool = { false }) -> End {
        let begin = WallTime.now
        let virtualBegin = system.now.nanoseconds
        // Virtual time that the wall clock has been given up on.
        var waived: UInt64 = 0
        var isBusy = true
        var talk = 0
        while true {
            if let problem { return .failed(problem) }
            for socket in sockets { if let problem = socket.problem { return .failed(problem) } }
            if system.stopReason != nil { return .stopped }
            if condition() { return .conditionMet }
            if system.limitReached { return .virtualLimit }
            let passed = WallTime.now - begin
            if let wallLimit, passed >= wallLimit { return .wallLimit }

            let isHeld = isHeld()
            let moved = poll(isHeld ? Self.heldPatience : isBusy ? 0 : Self.patience(wallLimit.map { $0 - passed }))
            if let number = place.signals.take() { return .signal(number) }
            if moved, talk < Self.longestTalk {
                (isBusy, talk) = (true, talk + 1)
                continue
            }
            talk = 0
            if isHeld { continue }
            let before = system.linux.messageCounts
            let virtual = system.now.nanoseconds - virtualBegin
            if isBusy {
                // What was just said is answered before anybody waits.
                run(for: .milliseconds(1))
            } else {
                let debt = (WallTime.now - begin) &- waived
                if debt > virtual {
                    if debt - virtual > Self.longestDebt { waived += debt - virtual - Self.longestDebt }
                    run(for: min(VirtualTime(nanoseconds: min(debt - virtual, Self.longestDebt)), Self.step))
                }
            }
            let after = system.linux.messageCounts
            isBusy = after != before
        }
    }

    /// Milliseconds to wait for outside.
    private static func patience(_ rest: UInt64?) -> Int32 {
        Int32(min(Self.step.nanoseconds, rest ?? .max) / 1_000_000) + 1
    }

    /// Milliseconds between two looks for whether what holds virtual time does so still.
    private static let heldPatience: Int32 = 2

    /// A step, or less when somebody does not read, writes a control file or wants the end meanwhile: the firmware of a step may print gigabytes.
    private func run(for span: VirtualTime) {
        system.run(for: span) { isHeld() || place.signals.first != nil || controlSocket?.hasPutOff == true || fuse?.hasPutOff == true }
    }

    /// Waits for outside and does what is asked.
    /// - Returns: whether anything came in.
    private func poll(_ milliseconds: Int32) -> Bool {
        longSteps?.noteLook()
        set.clear()
        set.add(place.signals.descriptor, POLLIN)
        var sources: [any PollSource] = terminals
        sources += sockets as [any PollSource]
        sources.append(leavingClients)
        if let controlSocket { sources.append(controlSocket) }
        if let fuse { sources.append(fuse) }
        for source in sources { source.watch(&set) }
        set.wait(milliseconds)
        var moved = false
        for source in sources { moved = source.serve(set) || moved }
        longSteps?.noteLooked(callers: controlSocket?.hasCallers == true)
        return moved
    }

    /// Gives what has come to whoever reads, takes links and sockets away, and lets go of the machine.
    public func close() {
        _ = poll(0)
        longSteps?.end()
        longSteps = nil
        system.onReturn = nil
        if let subscription { system.events.end(subscription) }
        subscription = nil
        system.linux.tty.changed = nil
        system.linux.tty.isHeld = nil
        system.linux.raw.changed = nil
        system.linux.raw.lookForCloses = nil
        system.linux.coredumpTaken = nil
        terminals = []
        for socket in sockets { socket.close() }
        sockets = []
        fuse = nil
        controlSocket = nil
        place.close()
    }
}
