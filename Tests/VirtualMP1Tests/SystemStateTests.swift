// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import M4Board
import MachineBase
import RprocHost
import TestSupport
import Testing
import VirtualMP1

/// All of a system as one value, which is saved, restored, and gone on from.
@Suite struct SystemStateTests {
    /// A system, what it has shown since the last mark, and what programs have got from it.
    final class Play {
        let system: MP1System
        private let transcript: Transcript
        private var marked = 0
        private(set) var notes: [String] = []

        init(_ scenario: Scenario) throws {
            system = try scenario.make()
            transcript = Transcript(system)
        }

        func mark() { (marked, notes) = (transcript.lines.count, []) }
        /// Events, log lines, and notes, with the time.
        var shown: [String] { transcript.lines[marked...] + notes + ["\(system.now) \(system.board.core.retired) \(system.linux.messageCounts)"] }
        func note(_ text: String) { notes.append(text) }
        /// What `body` gives, or why not.
        func note(_ body: () throws -> String) { do { note(try body()) } catch { note("\(error)") } }

        func run(microseconds: UInt64) { system.run(for: .microseconds(microseconds)) }
        func say(_ text: String, tty: Int = 0) { note { try Terminal.opened(system, tty).send(text); return "sent" } }
        func read(tty: Int = 0) { note { "read \(try Terminal.opened(system, tty).read())" } }
        /// A `/dev/rpmsgN` that is there already.
        func raw(_ index: Int) throws -> MessageDevice {
            guard let node = system.linux.raw.node(index) else { throw Samples.Missing(what: "rpmsg\(index)") }
            return MessageDevice(node, of: system)
        }
    }

    struct Scenario: Sendable, CustomTestStringConvertible {
        var name: String
        var firmware: String
        var boot = BootSequence.elf
        var configure: @Sendable (inout SystemConfiguration) throws -> Void = { _ in }
        var prepare: @Sendable (MP1System) -> Void = { _ in }
        var steps: [@Sendable (Play) throws -> Void]
        var testDescription: String { "\(name), \(boot.rawValue)" }

        func make() throws -> MP1System {
            var configuration = try Samples.configuration(boot)
            try configure(&configuration)
            let system = try MP1System(configuration)
            prepare(system)
            return system
        }

        static func start(_ name: String) -> @Sendable (Play) throws -> Void {
            { play in try play.system.start(play.system.configuration.linux.bootSequence.usesTEE ? Samples.signed(name) : Samples.elf(name), name: name) }
        }
        static func run(_ microseconds: UInt64...) -> [@Sendable (Play) throws -> Void] {
            microseconds.map { span in { play in play.run(microseconds: span) } }
        }
    }

    // MARK: What must hold

    /// From each point between two steps: on the same system, and on one that never ran.
    @Test(arguments: Scenario.all) func `Restored, a system does again what it did, and so does another one`(_ scenario: Scenario) throws {
        let play = try Play(scenario)
        for (point, _) in scenario.steps.enumerated() {
            let rest = scenario.steps[point...]
            let saved = try play.system.state
            func goOn(_ play: Play) throws -> ([String], MP1System.State) {
                play.mark()
                for step in rest { try step(play) }
                return (play.shown, try play.system.state)
            }
            let first = try goOn(play)
            try play.system.restore(saved)
            #expect(try play.system.state == saved)
            let again = try goOn(play)
            expectSame(again.0, first.0, "again, from step \(point)")
            #expect(again.1 == first.1, "again, from step \(point)")

            let other = try Play(scenario)
            try other.system.restore(saved)
            #expect(try other.system.state == saved)
            let there = try goOn(other)
            expectSame(there.0, first.0, "elsewhere, from step \(point)")
            #expect(there.1 == first.1, "elsewhere, from step \(point)")

            try play.system.restore(saved)
            if let step = rest.first { try step(play) }
        }
    }

    @Test(arguments: Scenario.all) func `Two systems that take turns do what one does`(_ scenario: Scenario) throws {
        let alone = try Play(scenario), pair = [try Play(scenario), try Play(scenario)]
        for (number, step) in scenario.steps.enumerated() {
            let play = pair[number % 2]
            if number > 0 { try play.system.restore(pair[1 - number % 2].system.state) }
            alone.mark()
            play.mark()
            try step(alone)
            try step(play)
            expectSame(play.shown, alone.shown, "step \(number)")
        }
        #expect(try pair[(scenario.steps.count - 1) % 2].system.state == alone.system.state)
    }

    /// Whatever programs do, for spans of any length, and a restore at each.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8, 9] as [UInt64]) func `Systems go on where others have stopped, whenever that is`(_ seed: UInt64) throws {
        let scenario = Scenario(
            name: "choices", firmware: "tty-echo", boot: BootSequence.allCases[Int(seed % 3)],
            configure: { $0.linux.kickFaults = [KickFault(.delay(.microseconds(700)), .toLinux, .random(oneIn: 4, seed: seed))] }, steps: [])
        let alone = try Play(scenario), pair = [try Play(scenario), try Play(scenario)]
        var choices = SeededChoices(seed: seed)
        try Scenario.start("tty-echo")(alone)
        try Scenario.start("tty-echo")(pair[0])
        for number in 1...150 {
            let play = pair[number % 2]
            try play.system.restore(pair[1 - number % 2].system.state)
            alone.mark()
            play.mark()
            let act = choices.below(20), tty = Int(choices.below(2)), which = Int(choices.below(4)), size = 1 + Int(choices.below(600))
            let span = UInt64(1 + choices.below(act > 14 ? 3_000 : 60))
            for play in [alone, play] {
                Self.act(act, play, number, tty: tty, which: which, size: size)
                play.run(microseconds: span)
            }
            expectSame(play.shown, alone.shown, "step \(number), \(act)")
            #expect(try play.system.state == alone.system.state, "step \(number), \(act)")
        }
    }

    /// Something that a program may do.
    private static func act(_ act: UInt32, _ play: Play, _ number: Int, tty: Int, which: Int, size: Int) {
        let linux = play.system.linux, nodes = linux.raw.nodes.compactMap { $0 }
        let node = nodes.isEmpty ? nil : nodes[which % nodes.count]
        switch act {
        case 0...3: play.say(String(repeating: "\(number)", count: size), tty: tty)
        case 4: play.read(tty: tty)
        case 5: play.note { try play.system.openEndpoint(ForeignName("\(number)"), destination: 0x400 + UInt32(tty)).device.name }
        case 6: if let node { play.note { try node.write([UInt8(truncatingIfNeeded: number)]); return "written" } }
        case 7: if let node { play.note { "\(try node.read())" } }
        case 8: if let node { play.note { try node.open(); return "open" } }
        case 9: if let node { node.close() }
        case 10: if let node { play.note { try node.destroy(); return "destroyed" } }
        case 11: play.note { try linux.rpmsgControl()?.createChannel("rpmsg-raw", source: which == 0 ? 0x500 : Rpmsg.anyAddress, destination: 0x400 + UInt32(tty)); return "made" }
        case 12: play.note { try linux.rpmsgControl()?.createChannel("rpmsg-tty", source: 0x600 + UInt32(which), destination: 0x400); return "made" }
        case 13: play.note { try linux.rpmsgControl()?.releaseChannel(which < 2 ? "rpmsg-raw" : "rpmsg-tty"); return "released" }
        case 14: linux.raw.left.first?.close()
        case 15: play.note { try play.system.stop(); return "stopped" }
        case 16: linux.reportCrash(.watchdog)
        case 17: play.note { try Scenario.start("tty-echo")(play); return "started" }
        default: break
        }
    }

    @Test func `A state is taken between two calls`() throws {
        let system = try Samples.started("tty-echo", .elf)
        var seen: [StateError?] = []
        func look() {
            do throws(StateError) {
                _ = try system.state
                seen.append(nil)
            } catch { seen.append(error) }
        }
        let subscription = system.events.subscribe { _ in look() }
        // The listener has been told what was before it.
        seen = []
        system.onReturn = look
        let tty = try system.openTTY(0)
        try tty.send("text\n")
        _ = try tty.readLine()
        system.run(for: .milliseconds(1)) { look(); return false }
        system.events.end(subscription)
        try system.stop()
        #expect(seen.count > 5 && seen.count(where: { $0 == nil }) == 1, "of the event behind the send alone")
        #expect(seen.contains(.busy("a call that lets time pass")))
        look()
        #expect(seen.last == .some(nil))
    }

    @Test func `A state of another configuration is refused by what differs, and nothing is changed`() throws {
        let saved = try Samples.started("tty-echo", .elf).state
        func refusal(_ boot: BootSequence = .elf, _ configure: (inout SystemConfiguration) -> Void) throws -> String {
            var configuration = try Samples.configuration(boot)
            configure(&configuration)
            let system = try MP1System(configuration), before = try system.state
            do throws(StateError) { try system.restore(saved) } catch {
                #expect(try system.state == before)
                return error.description
            }
            return "none"
        }
        let text = "the state is not of this system: its "
        #expect(try refusal { _ in } == "none")
        #expect(try refusal(.teeOps) { $0.board.soc.isRCCSecure = false } == text + "boot sequence is elf, here it is tee-ops")
        #expect(try refusal { $0.board.ddrSize = 1 << 20 } == text + "external memory is 0 bytes, here it is 1048576 bytes")
        #expect(try refusal { $0.sanitizing = .off } == text + "sanitizer is rings, here it is off")
        #expect(try refusal { $0.recoveryLimit = 2 } == text + "limit of recoveries is none, here it is 2")
        #expect(try refusal { $0.linux.coredump = .inline } == text + "configuration of Linux is m4's with other values, here it is m4's")
        #expect(try refusal { $0.coredumpHasRegisters = true }.hasPrefix(text + "configuration is placesResourceTable true, goesOnAfterReset false, coredumpHasRegisters false"))
        #expect(try refusal { $0.board.cycleModel = .coarse }.hasPrefix(text + "configuration of the board is "))
    }

    @Test func `What a program has open goes on, wherever the state is from`() throws {
        let system = try Samples.started("tty-echo", .elf)
        let tty = try system.openTTY(0), device = try system.openEndpoint("mine", destination: 0x400)
        try device.send([1])
        try tty.send("one\n")
        let saved = try system.state
        #expect(try device.receive() == [1])
        #expect(try tty.readLine() == "one")
        try system.stop()
        #expect(device.device.isGone)
        try system.restore(saved)
        #expect(!device.device.isGone && system.linux.raw.node(0) === device.device)
        #expect(try device.receive() == [1])
        #expect(try tty.readLine() == "one")

        let other = try MP1System(Samples.configuration(.elf))
        try other.restore(saved)
        #expect(throws: SystemError.self) { try other.openRaw(0) }
        let same = MessageDevice(try #require(other.linux.raw.node(0)), of: other)
        #expect(try same.receive() == [1])
        #expect(try other.openTTY(0).readLine() == "one")
        try same.send([2])
        #expect(try same.receive() == [2])
        try other.stop()
        #expect(other.linux.held == HeldResources())
    }

    private func expectSame(_ lines: [String], _ wanted: [String], _ what: String) {
        let first = zip(lines, wanted).enumerated().first { $0.element.0 != $0.element.1 }
        #expect(lines == wanted, "\(what): \(first.map { "line \($0.offset): \($0.element)" } ?? "\(lines.count) lines, \(wanted.count) wanted")")
    }
}

extension Terminal {
    /// The tty of that number, which is there; without letting time pass.
    static func opened(_ system: MP1System, _ index: Int) throws -> Terminal {
        guard system.linux.tty.port(index) != nil else { throw Samples.Missing(what: "ttyRPMSG\(index)") }
        return try system.openTTY(index)
    }
}
