import ImageFormat
import M4Board
import MachineBase
import RprocHost
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
