// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import RprocHost
import TestSupport
import Testing
import VirtualMP1

/// Whatever of a system changes is in its state, or listed here with a reason. The board has a test of its own.
@Suite struct SystemStateCoverageTests {
    /// Properties of the system and of what it owns that no state has, by type and name.
    private static let outside: [String: String] = {
        var list: [String: String] = [:]
        func add(_ reason: String, _ names: String...) {
            for name in names.joined(separator: " ").split(separator: " ") { list[String(name)] = reason }
        }
        add("what the system is made of", "MP1System.configuration")
        add("listeners", "MP1System.events RemoteProcessor.events KernelLog.listener RpmsgTTYDriver.changed RpmsgTTYDriver.isHeld RpmsgCharacterDevice.changed")
        add("listeners", "CrashRecovery.onCoredump RunEnd.onBreakpoint LinuxPlatform.onReturn RemoteProcessor.coredumpTaken RpmsgHost.observer")
        add("the host's settings", "LinuxPlatform.limit TerminalInboxes.keeps TraceWatch.isOn KernelLog.threshold FirmwareStore.files RpmsgSanitizer.patience")
        add("the host's settings", "SanitizerSetup.recordsForDiagnosis RpmsgHost.drivers")
        add("of one call", "MP1System.calls LinuxPlatform.waits KernelContext.calls")
        add("of one message or look", "RpmsgBus.inbound RpmsgBus.outbound RingCheck.seen RingCheck.elements PoolCheck.seen TableCheck.seen")
        add("made anew from the image that is named", "RpmsgSanitizer.symbol")
        add("of bytes that never change", "FirmwareImage.elf FirmwareImage.container FirmwareImage.parts")
        return list
    }()

    /// How many elements a pointer has.
    private static let counts: [String: @Sendable (Mirror) -> Int] = {
        @Sendable func number(_ mirror: Mirror, _ path: String...) -> Int {
            var value: Any = mirror
            for name in path {
                let level = value as? Mirror ?? Mirror(reflecting: value)
                guard let next = level.children.first(where: { $0.label == name })?.value else { return 0 }
                value = next
            }
            return (value as? Int) ?? (value as? UInt16).map(Int.init) ?? 0
        }
        return [
            "VirtQueue.nextFree": { number($0, "layout", "count") }, "VirtQueue.buffers": { number($0, "layout", "count") },
            "IPCCDriver.channels": { number($0, "channelCount") }, "RingCheck.expected": { number($0, "driverSize") },
            "PoolCheck.expected": { number($0, "count") * 512 },
        ]
    }()

    private func contents(of system: MP1System, _ name: (String) -> Void = { _ in }) -> [String: String] {
        Contents(outside: Set(Self.outside.keys), skipped: [system.board], counts: Self.counts).of(system, name)
    }

    /// A system with something in as many places as can be.
    private func busy(_ boot: BootSequence) throws -> MP1System {
        var configuration = try Samples.configuration(boot)
        configuration.recoveryLimit = 5
        configuration.linux.kickFaults = [KickFault(.delay(.milliseconds(1)), .toLinux, .random(oneIn: 1, seed: 4))]
        let system = try MP1System(configuration)
        system.events.subscribe { _ in }
        return system
    }

    private func start(_ system: MP1System, _ name: String) throws {
        try system.start(system.configuration.linux.bootSequence.usesTEE ? Samples.signed(name) : Samples.elf(name), name: name)
        system.run(for: .milliseconds(3))
    }

    @Test(arguments: BootSequence.allCases) func `What changes as a system runs is restored, to the last field`(_ boot: BootSequence) throws {
        let system = try busy(boot)
        try start(system, "crasher")
        let control = try #require(system.linux.rpmsgControl())
        try control.createChannel("rpmsg-raw", source: Rpmsg.anyAddress, destination: 0x400)
        try control.createChannel("rpmsg-tty", source: 0x555, destination: 0x400)
        try system.openRaw(0).send([1, 2])
        _ = try system.openEndpoint("mine", destination: 0x400)
        try system.openTTY(0).send("some text")
        system.run(for: .microseconds(200))
        let saved = try system.state, before = contents(of: system)
        setUpByHost(system)

        try system.openTTY(0).send("more\n")
        try MessageDevice(#require(system.linux.raw.node(0)), of: system).send([3])
        system.run(for: .milliseconds(5))
        try control.releaseChannel("rpmsg-tty", source: 0x555)
        try system.openTTY(0).send("undef\n")
        system.run(for: .milliseconds(60))
        #expect(system.linux.crashCount == 1)
        let mid = try system.state, between = contents(of: system)
        try system.linux.sysfsWrite(.recovery, "disabled")
        try system.linux.sysfsWrite(.coredump, "enabled")
        try system.stop()
        _ = try system.linux.openCharacterDevice().ioctl(RemoteprocCharacterDevice.setShutdownOnRelease, 1)
        let stopped = try system.state, after = contents(of: system)

        for (state, wanted) in [(saved, before), (mid, between), (stopped, after), (saved, before), (stopped, after), (mid, between)] {
            try system.restore(state)
            expect(system, wanted)
        }
        for (state, wanted) in [(saved, before), (mid, between), (stopped, after)] {
            let other = try busy(boot)
            try other.restore(state)
            expect(other, wanted)
        }
        let parts = [
            "linux/own", "work/state/", "virtio/own", "virtio/devices", "virtio/rings", "table/state", "carveoutList/all", "resources/state",
            "raw/nodes/1", "raw/left/count", "tty/ports", "mailbox/channels", "injector/rules/0/random", "crashes/some/state/count", "traces/state",
            "inboxes/state", "ta/memory", "rpmsg/some/own", "input/books", "check/some/books", "pool/some/turns", "sanitizer/some/own",
        ]
        let changed = Set([between, after].flatMap { other in Set(before.keys).union(other.keys).filter { before[$0] != other[$0] } })
        for part in parts where boot.usesTEE || part != "ta/memory" {
            #expect(changed.contains { $0.contains(part) }, "nothing changed in \(part)")
        }
    }

    /// What hosts set and hear is theirs, and stays.
    private func setUpByHost(_ system: MP1System) {
        system.timeLimit = .seconds(100)
        system.watchesTraces = true
        system.linux.log.maximumLevel = .notice
        system.linux.sanitizer?.patience.kick = .seconds(2)
        system.linux.register(driver: ClosureRpmsgDriver("nobody's", receive: { _, _, _ in }))
        system.linux.tty.changed = { _, _ in }
        system.firmwareFiles = { _ throws(Errno) in throw .noEntry }
        system.onCoredump = { _ in }
        system.onReturn = {}
    }

    /// The same over whole lives: at a third of the steps of each.
    @Test(arguments: SystemStateTests.Scenario.all) func `Whatever happens in a life is restored`(_ scenario: SystemStateTests.Scenario) throws {
        let play = try SystemStateTests.Play(scenario)
        var points: [(MP1System.State, [String: String])] = []
        for (number, step) in scenario.steps.enumerated() {
            try step(play)
            if number % 3 == 2 || number == scenario.steps.count - 1 { points.append((try play.system.state, contents(of: play.system))) }
        }
        for (state, wanted) in points.reversed() {
            try play.system.restore(state)
            expect(play.system, wanted)
        }
        for (state, wanted) in points.suffix(2) {
            let other = try SystemStateTests.Play(scenario)
            try other.system.restore(state)
            expect(other.system, wanted)
        }
    }

    private func expect(_ system: MP1System, _ wanted: [String: String], _ location: SourceLocation = #_sourceLocation) {
        let found = contents(of: system)
        for path in Set(wanted.keys).union(found.keys).sorted() where found[path] != wanted[path] {
            Issue.record("\(path) is \(found[path] ?? "not there") in place of \(wanted[path] ?? "nothing")", sourceLocation: location)
        }
    }

    @Test func `A part that is left out is found by its name`() throws {
        let system = try busy(.elf), other = try busy(.elf)
        try start(system, "tty-echo")
        try system.openTTY(0).send("text\n")
        system.run(for: .milliseconds(5))
        #expect(try system.openTTY(0).available > 0)
        // Linux alone, and not what lies between it and the board.
        try other.linux.restore(system.linux.wholeState)
        let wanted = contents(of: system), found = contents(of: other)
        let missed = Set(wanted.keys).union(found.keys).filter { wanted[$0] != found[$0] }
        for part in ["firmware/state/images", "firmware/state/requested", "traces/state", "inboxes/state/queues", "hasStarted"] {
            #expect(missed.contains { $0.hasPrefix(part) || $0.contains("/" + part) }, "\(part) is not missed: \(missed.sorted())")
        }
        #expect(missed.allSatisfy { !$0.hasPrefix("linux/own") && !$0.contains("virtio/") })
    }

    @Test func `What is listed as outside of the state is there`() throws {
        var seen: Set<String> = []
        let system = try busy(.teeV3)
        try start(system, "tty-echo")
        _ = try system.openEndpoint("mine", destination: 0x400)
        _ = contents(of: system) { seen.insert($0) }
        #expect(Self.outside.keys.filter { !seen.contains($0) }.sorted() == [])
    }
}
