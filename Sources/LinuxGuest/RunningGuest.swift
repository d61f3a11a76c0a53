// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CLinuxBridge
import FoundationEssentials
import Glibc
import MachineBase
import Synchronization

/// What the guest's first process tells the host.
public enum GuestReport: Equatable, Sendable {
    /// A driver did not load.
    case moduleFailed(String)
    /// The kernel has no such driver, neither loaded nor built in.
    case driverMissing(String)
    /// What can be set up is; the kernel's release.
    case ready(release: String)
    /// The shell or the script has ended with this status.
    case exit(Int)
    /// A reboot follows.
    case reboot
}

/// How a guest ended.
public enum GuestEnding: Equatable, Sendable {
    /// In order, with the status of the shell or the script.
    case exit(Int)
    /// Switched off before its shell or script had ended.
    case poweredOff
    /// It asked to be started again.
    case reboot
    /// Its processor was reset unannounced: a panic, or a `reboot -f`.
    case reset
    /// QEMU was ended by a signal, or ended itself; what it printed.
    case signal(Int32, said: String)
    case failed(Int32, said: String)
}

/// A guest in QEMU. It ends with this object, and with this process at the latest.
public final class RunningGuest: Sendable {
    public let memory: GuestMemory
    /// The guest's console, both ways, as bytes: what is written is typed. At its end QEMU has gone. The descriptor is this object's.
    public var console: Int32 { consoleEnd.number }
    /// What the script prints; nil without a script. It must be read, or the script waits.
    public var output: Int32? { outputEnd?.number }
    /// Readable when `reports` has something to say.
    public var control: Int32 { controlEnd.number }
    /// Readable, at its end, when QEMU has ended.
    public var ended: Int32 { process.ended.number }

    private let process: GuestProcess
    private let consoleEnd: OwnedDescriptor, outputEnd: OwnedDescriptor?, controlEnd: OwnedDescriptor, log: OwnedDescriptor
    private let qtest: QTestClient
    private struct Talk: ~Copyable {
        let monitor: QEMUMonitor
        let control: LineSocket
        /// What has been told and not yet been asked for.
        var pending: [GuestReport] = []
        var exit: Int?
        var reboots = false
        var ending: GuestEnding?
    }
    private let talk: Mutex<Talk>
    private let monitorNumber: Int32
    /// The interrupt controller's place in QEMU.
    private let gicPath = Mutex("")

    init(
        memory: GuestMemory, process: GuestProcess, console: OwnedDescriptor, output: OwnedDescriptor?, control: OwnedDescriptor,
        monitor: sending OwnedDescriptor, qtest: sending OwnedDescriptor, log: OwnedDescriptor
    ) {
        self.memory = memory
        self.process = process
        consoleEnd = console
        outputEnd = output
        controlEnd = control
        self.log = log
        monitorNumber = monitor.number
        self.qtest = QTestClient(qtest)
        talk = Mutex(Talk(monitor: QEMUMonitor(monitor), control: LineSocket(control)))
    }

    deinit { kill() }

    /// Puts the memories at their addresses and lets the guest go.
    func begin() throws(GuestError) {
        let failure: String? = talk.withLock { talk in
            guard talk.monitor.open() else { return "did not start" }
            guard let gic = talk.monitor.device("arm_gic") else { return "has no arm_gic in its machine" }
            gicPath.withLock { $0 = gic }
            guard placeMemories() else { return "did not take the addresses of shared memories" }
            return talk.monitor.ask("cont") == nil ? "did not start the guest" : nil
        }
        guard let failure else { return }
        // What it says it has said by its end.
        _ = process.wait(milliseconds: 1000)
        kill()
        throw .qemu(failure, said: said)
    }

    /// Base address register 2 of each device, then its memory decoding. Linux is not told of the bridge and leaves them as they are.
    /// Source: PCI Local Bus 3.0, 6.1; ivshmem's specification.
    private func placeMemories() -> Bool {
        QEMUCommand.memoryDevices(memory.layout).allSatisfy { device in
            let function = GuestLayout.pciConfiguration + device.slot << 15
            return qtest.write(function + 0x18, device.address) && qtest.write(function + 0x1C, 0) && qtest.write(function + 4, 2, size: 2)
        }
    }

    // MARK: For the board

    /// Sets the level of a shared interrupt (`GuestLayout.receiveInterrupt` and others); it is set when this returns. Cheap when it is as it was.
    /// - Returns: false when QEMU has gone.
    @discardableResult
    public func setInterrupt(_ number: Int, _ level: Bool) -> Bool { qtest.setLine(gicPath.withLock { $0 }, number, level) }

    /// An interrupt that is told by its edge, as the watchdog's.
    public func pulseInterrupt(_ number: Int) {
        setInterrupt(number, true)
        setInterrupt(number, false)
    }

    // MARK: For who waits for it

    /// What the guest has told since the last call; `wait` takes nothing away.
    public func reports() -> [GuestReport] {
        talk.withLock { talk in
            Self.listen(&talk)
            defer { talk.pending = [] }
            return talk.pending
        }
    }

    private static func listen(_ talk: inout Talk) {
        while let line = talk.control.line(within: 0) {
            guard let report = report(line) else { continue }
            if case .exit(let status) = report { talk.exit = status }
            if report == .reboot { talk.reboots = true }
            talk.pending.append(report)
        }
    }

    private static func report(_ line: String) -> GuestReport? {
        let words = line.split(separator: " ").map { ForeignText.line($0) }
        if words == ["reboot"] { return .reboot }
        guard words.count == 2 else { return nil }
        switch words[0] {
        case "module": return .moduleFailed(words[1])
        case "driver": return .driverMissing(words[1])
        case "ready": return .ready(release: words[1])
        case "exit": return Int(words[1]).map { .exit($0) }
        default: return nil
        }
    }

    /// Waits for the guest's end. Console and output must be read meanwhile by someone else.
    /// - Parameter milliseconds: negative for ever.
    /// - Returns: nil when the time is over.
    public func wait(milliseconds: Int32 = -1) -> GuestEnding? {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        var sources = [pollfd(fd: ended, events: Int16(POLLIN), revents: 0), pollfd(fd: monitorNumber, events: Int16(POLLIN), revents: 0)]
        while sources[0].revents == 0 {
            let left = (end - ContinuousClock.now).components
            let count = poll(&sources, 2, milliseconds < 0 ? -1 : Int32(clamping: max(0, left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000)))
            if count == 0 { return nil }
            if count > 0, sources[1].revents != 0, !hearsShutdown() { sources[1].fd = -1 }
        }
        guard let ending = process.wait() else { return nil }
        linux_bridge_close(memory.page)
        return talk.withLock { talk in
            Self.listen(&talk)
            if let known = talk.ending { return known }
            _ = talk.monitor.listen()
            let result = Self.ending(ending, exit: talk.exit, reboots: talk.reboots, reason: talk.monitor.shutdownReason, said: said)
            talk.ending = result
            return result
        }
    }

    /// Takes what QEMU tells. From its shutdown on no store waits: QEMU's main thread waits for the processor that would, and answers no more who
    /// sets an interrupt for the board.
    /// - Returns: false at its end.
    private func hearsShutdown() -> Bool {
        talk.withLock { talk in
            let isThere = talk.monitor.listen()
            if talk.monitor.shutdownReason != nil { linux_bridge_close(memory.page) }
            return isThere
        }
    }

    private static func ending(_ process: GuestProcess.Ending, exit: Int?, reboots: Bool, reason: String?, said: String) -> GuestEnding {
        switch process {
        case .signal(let number): return .signal(number, said: said)
        case .exit(let status) where status != 0: return .failed(status, said: said)
        case .exit:
            if reason == "guest-reset" { return reboots ? .reboot : .reset }
            // One that QEMU handles: which one it does not tell.
            if reason == "host-signal" { return .signal(SIGTERM, said: said) }
            return exit.map { .exit($0) } ?? .poweredOff
        }
    }

    /// Ends QEMU at once, if it is still there.
    public func kill() {
        linux_bridge_close(memory.page)
        process.kill()
    }

    /// QEMU's process; nil when it has ended.
    public var processNumber: Int32? { process.number }

    /// What QEMU printed, but for a complaint of GLib's that its qtest server always brings at its end.
    private var said: String {
        String(decoding: log.contents(limit: 4096), as: UTF8.self).split(separator: "\n").filter { !$0.contains("g_main_context") && !$0.contains("GLib-CRITICAL") }
            .joined(separator: "; ")
    }
}
