// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import M4Board
import MachineBase
import RprocHost

/// Lets a firmware run under the observers' eyes: it is started, spoken to, and sampled in the second half of its time.
struct Examination {
    private let system: MP1System
    private let image: FirmwareImage
    private let symbols: FirmwareSymbols
    private var core: CoreObservation
    private let watch: EntryWatch
    private let talk: Conversation
    private let complaints: Complaints

    /// How long an answer on one channel is waited for before the next is tried.
    private static let answerPatience = VirtualTime.milliseconds(50)

    /// - Parameter system: not yet started.
    init(_ system: MP1System, _ image: FirmwareImage, _ symbols: FirmwareSymbols, _ watch: EntryWatch, _ talk: Conversation) {
        self.system = system; self.image = image; self.symbols = symbols; self.watch = watch; self.talk = talk
        core = CoreObservation(.zero, system.configuration.chip.registers)
        complaints = Complaints(system, symbols)
        system.linux.observer = talk
        system.end.onBreakpoint = { [watch, unowned system] report in watch.hit(report, at: system.now) }
    }

    /// Boots the image, or attaches to it, and lets `span` of virtual time pass.
    /// - Parameter started: is called when the firmware is started.
    mutating func run(name: String, span: VirtualTime, started: () -> Void) throws(SystemError) {
        let begin = system.now
        if system.configuration.bootLoaderFirmware != nil { try system.attach() } else { try system.start(image, name: name) }
        started()
        // Half of it: what firmware does in turns is to be seen in all of them.
        let window = VirtualTime(nanoseconds: span.nanoseconds / 2)
        converse(until: begin + (span - window))
        observe(until: begin + span)
    }

    /// What is on its way at the end of the span is to arrive: a doorbell, and Linux's work behind it. Then the sanitizer looks at what it has not
    /// looked at for a while.
    func settle() -> Observations {
        func waiting() -> Bool { system.linux.virtioDevices.first?.rings.first.map { $0.usedIndex != $0.lastUsedIndex && !$0.isBroken } ?? false }
        if system.stopReason == nil, waiting() { system.run(for: .milliseconds(2)) { !waiting() } }
        system.linux.sanitizer?.look()
        return Observations(system: system, image: image, symbols: symbols, core: core, watch: watch, talk: talk, complaints: complaints)
    }

    /// Speaks on each channel in turn, as they come.
    private func converse(until end: VirtualTime) {
        func left() -> VirtualTime { end > system.now ? end - system.now : .zero }
        while system.stopReason == nil, left() > .zero {
            let now = system.now
            if let channel = talk.unspoken.first {
                // Firmware that has announced a service may have something to do before it listens.
                system.run(for: min(left(), .milliseconds(20)))
                talk.greet(channel)
                system.run(for: min(left(), Self.answerPatience)) { talk.hasHeard(channel) }
            } else {
                system.run(for: min(left(), .milliseconds(10))) { !talk.unspoken.isEmpty }
            }
            // What was due may have been Linux's work alone.
            guard system.now > now || !talk.unspoken.isEmpty else { break }
        }
    }

    private mutating func observe(until end: VirtualTime) {
        core = CoreObservation(end > system.now ? end - system.now : .zero, system.configuration.chip.registers)
        system.board.registerReads.begin()
        defer { core.end(system.board) }
        while system.stopReason == nil, system.now < end {
            let now = system.now
            system.run(for: min(end - now, core.isFull ? end - now : core.step))
            guard system.now > now else { break }
            if !core.isFull { core.take(system, symbols) }
        }
        // Not of what has stopped: its time is over.
        if core.samples == 0 { core.take(system, symbols) }
    }
}
