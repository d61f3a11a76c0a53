// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import RprocHostDoubles
import Testing

/// Linux's side as one value, beside a machine that is saved and restored with it.
@Suite struct WholeStateTests {
    /// A rig, and what came on its ttys.
    private final class Life {
        let rig: Rig
        private(set) var heard: [String] = []
        init(_ sequence: BootSequence = .elf, configure: (inout HostConfiguration) -> Void = { _ in }) {
            rig = Rig(sequence, services: [.init("rpmsg-tty", address: 0x400), .init("rpmsg-raw", address: 0x401), .init("mine", address: 0x402)], configure: configure)
            rig.host.tty.received = { [unowned self] port, bytes in
                heard.append("\(port.name) \(Array(bytes))")
                if bytes.count == 7 { port.truncated(to: 3) }
            }
        }
        struct State {
            var platform: InMemoryPlatform.State
            var remote: MockRemote.State
            var firmware: (MockTrustedFirmware.State, PhysicalRange?)
            var host: RemoteProcessor.WholeState
        }
        func save() throws -> State {
            State(platform: rig.platform.state, remote: rig.remote.state, firmware: rig.firmware.saved, host: try rig.host.wholeState)
        }
        func restore(_ state: State) throws {
            try rig.host.restore(state.host)
            (rig.platform.state, rig.remote.state, rig.firmware.saved) = (state.platform, state.remote, state.firmware)
        }
        func start() throws {
            try rig.host.start()
            rig.platform.run(for: .milliseconds(1))
        }
        /// Texts that the tty layer has no room for: the driver complains of ten in five seconds.
        func cutOff(_ count: Int) throws {
            for _ in 0..<count { try say("too big") }
            rig.platform.run(for: .milliseconds(1))
        }
        func say(_ text: String) throws { try #require(rig.host.tty.port(0)).writeAll(text) }
        /// What a stretch of life shows: messages each way, half an exchange, a crash, an end.
        func goOn() throws -> [String] {
            rig.forgetLog()
            heard = []
            rig.platform.run(for: .microseconds(30))
            try say("one")
            rig.platform.run(for: .microseconds(3))
            try cutOff(7)
            try rig.host.raw.node(0)?.write([4, 5])
            rig.platform.run(for: .milliseconds(1))
            let read = (try? rig.host.raw.node(0)?.read()) ?? []
            rig.host.reportCrash(.watchdog)
            rig.platform.run(for: .milliseconds(5))
            try say("two")
            rig.platform.run(for: .milliseconds(1))
            try rig.host.stop()
            return rig.log + heard + ["\(read) \(rig.platform.now) \(rig.host.messageCounts) \(rig.host.findings.count) \(rig.host.held)"]
        }
    }

    @Test(arguments: BootSequence.allCases) func `Restored, it does again what it did, and so does another one`(_ sequence: BootSequence) throws {
        let life = Life(sequence) { $0.kickFaults = [KickFault(.delay(.microseconds(90)), .toLinux, .random(oneIn: 2, seed: 3))] }
        try life.start()
        try life.cutOff(6)
        try life.say("before")
        let saved = try life.save()
        let first = try life.goOn(), end = try life.save()
        #expect(first.count { $0.contains("Trunc buffer") } == 4)
        try life.restore(saved)
        #expect(try life.rig.host.wholeState == saved.host)
        #expect(try life.goOn() == first)
        #expect(try life.rig.host.wholeState == end.host)

        let other = Life(sequence) { $0.kickFaults = [KickFault(.delay(.microseconds(90)), .toLinux, .random(oneIn: 2, seed: 3))] }
        try other.restore(saved)
        #expect(try other.rig.host.wholeState == saved.host)
        #expect(try other.goOn() == first)
        #expect(try other.rig.host.wholeState == end.host)
    }

    @Test func `What a program holds goes on where it is in the state, and else is gone`() throws {
        let life = Life()
        try life.start()
        let host = life.rig.host
        let channel = try #require(host.channel(named: "rpmsg-tty")), tty = try #require(host.tty.port(0)), device = try #require(host.raw.node(0))
        let carveout = try #require(host.carveouts.first)
        try device.open()
        let saved = try life.save()
        try device.write([1])
        life.rig.platform.run(for: .milliseconds(1))
        #expect(device.available == 1)
        let late = try #require(host.rpmsgControl()).createEndpoint("late", destination: 0x401)
        try late.open()
        try life.restore(saved)
        #expect(host.channel(named: "rpmsg-tty") === channel && host.tty.port(0) === tty && host.raw.node(0) === device && host.carveouts.first === carveout)
        #expect(device.isOpen && device.available == 0)
        // It was made later.
        #expect(late.isGone && !late.isOpen && life.rig.errno { () throws(Errno) in try late.write([1]) } == .brokenPipe)
        try channel.send("again")
        life.rig.platform.run(for: .milliseconds(1))
        #expect(life.heard.last == "ttyRPMSG0 \(Array("again".utf8))")

        // A device that is open when its channel goes keeps what it is: its program has it open still.
        try host.stop()
        #expect(device.isGone && device.isOpen && host.raw.left.map(\.index) == [0])
        let stopped = try life.save()
        try life.restore(saved)
        #expect(host.raw.node(0) === device && !device.isGone && host.raw.left.isEmpty)
        try device.write([2])
        life.rig.platform.run(for: .milliseconds(1))
        #expect(try device.read() == [2])
        try life.restore(stopped)
        #expect(device.isGone && device.isOpen && host.raw.left.first === device)
        device.close()
        #expect(host.raw.left.isEmpty)

        // Elsewhere nobody has it open: whoever wants to be that program finds it.
        let other = Life()
        try other.restore(stopped)
        let there = try #require(other.rig.host.raw.left.first)
        #expect(there.isGone && there.isOpen && there.name == "rpmsg0" && other.rig.errno { () throws(Errno) in try there.destroy() } == .invalid)
        there.close()
        #expect(other.rig.host.raw.left.isEmpty)
        try other.start()
        #expect(other.rig.host.raw.node(0) != nil)
    }

    @Test func `Programs' drivers and endpoints are theirs to have`() throws {
        final class Heard { var messages: [[UInt8]] = [] }
        func life(registers: Bool = true) -> (Life, Heard) {
            let life = Life(), heard = Heard()
            if registers { life.rig.host.register(driver: ClosureRpmsgDriver("mine", receive: { _, bytes, _ in heard.messages.append(Array(bytes)) })) }
            return (life, heard)
        }
        let (one, heard) = life()
        try one.start()
        let bus = try #require(one.rig.host.virtioDevices.first?.rpmsg)
        var direct: [[UInt8]] = []
        let endpoint = try bus.createEndpoint(address: 0x900) { bytes, _ in direct.append(Array(bytes)) }
        let saved = try one.save()
        func talk(_ life: Life) throws {
            try #require(life.rig.host.channel(named: "mine")).send([7])
            life.rig.remote.send([8], from: 0x401, to: 0x900, on: life.rig.platform)
            life.rig.platform.run(for: .milliseconds(1))
        }
        try talk(one)
        bus.destroyEndpoint(endpoint)
        one.rig.remote.send([9], from: 0x401, to: 0x900, on: one.rig.platform)
        one.rig.platform.run(for: .milliseconds(1))
        #expect(heard.messages == [[7]] && direct == [[8]] && one.rig.log.last?.hasSuffix("msg received with no recipient") == true)

        let (other, heardThere) = life()
        try other.restore(saved)
        try talk(other)
        // The driver is there; the endpoint's program is not, but its address is taken.
        #expect(heardThere.messages == [[7]] && direct == [[8]])
        #expect(other.rig.host.findings.kept.allSatisfy { $0.finding.name != "no-recipient" })
        let there = try #require(other.rig.host.virtioDevices.first?.rpmsg)
        #expect(other.rig.errno { () throws(Errno) in _ = try there.createEndpoint(address: 0x900) { _, _ in } } == .noSpace)

        let (without, _) = life(registers: false)
        let before = try without.rig.host.wholeState
        #expect(throws: StateError.mismatch("rpmsg driver number 3", seen: "rpmsg_user", allowed: "none")) { try without.rig.host.restore(saved.host) }
        #expect(try without.rig.host.wholeState == before)
    }

    @Test func `A state is taken between two calls, and comes to a host of the same configuration`() throws {
        let life = Life()
        let host = life.rig.host
        var seen: [StateError?] = []
        func look() {
            do throws(StateError) {
                _ = try host.wholeState
                seen.append(nil)
            } catch { seen.append(error) }
        }
        let subscription = host.events.subscribe { _ in look() }
        host.tty.changed = { _, _ in look() }
        host.tty.received = { _, _ in look() }
        try life.start()
        try life.say("text")
        life.rig.platform.run(for: .milliseconds(1))
        host.reportCrash(.watchdog)
        life.rig.platform.run(for: .milliseconds(5))
        try #require(host.rpmsgControl()).createChannel("rpmsg-tty", source: 0x777, destination: 0x400)
        #expect(seen.count > 8 && !seen.contains(nil))
        host.events.end(subscription)
        #expect(seen.first??.description == "a state is taken and restored between two calls, not in the midst of what Linux does under remoteproc's lock")

        let saved = try host.wholeState
        func mismatch(_ host: RemoteProcessor) -> String? {
            do throws(StateError) { try host.restore(saved) } catch { return error.description }
            return nil
        }
        #expect(mismatch(Life(.teeV3).rig.host) == "the state is not of this system: its boot sequence is elf, here it is tee-v3")
        #expect(mismatch(Life { $0.kernel = .v6_1 }.rig.host) == "the state is not of this system: its configuration of Linux is m4's with other values, here it is m4's")
        let sanitized = Life()
        sanitized.rig.host.sanitize()
        #expect(mismatch(sanitized.rig.host) == "the state is not of this system: its sanitizer is off, here it is on")
        #expect(mismatch(Life().rig.host) == nil)
    }

    @Test func `Restoring tells nobody, and touches nothing of the machine's`() throws {
        let life = Life()
        try life.start()
        let saved = try life.save()
        try life.rig.host.stop()
        life.rig.platform.recordsWrites = true
        life.rig.forgetLog()
        var told = 0
        life.rig.host.events.subscribe { _ in told += 1 }
        life.rig.host.tty.changed = { _, _ in told += 1 }
        life.rig.host.raw.changed = { _, _ in told += 1 }
        try life.rig.host.restore(saved.host)
        #expect(told == 0 && life.rig.log.isEmpty && life.rig.platform.registerWrites.isEmpty && life.rig.host.state == .running)
    }
}
