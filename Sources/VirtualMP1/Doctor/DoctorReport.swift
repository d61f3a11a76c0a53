// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// What `m4run doctor` has to say about a firmware, in the order in which a channel comes to be.
public struct DoctorReport: Sendable {
    /// One link of the chain.
    public struct Entry: Equatable, Sendable {
        /// Stable, for scripts: `status-never-read`.
        public var name: String
        public var isProblem: Bool
        /// What was seen, with its numbers.
        public var sentence: String
        /// What to do.
        public var advice: String?
        /// Of problems: the lower, the nearer to the cause.
        var rank: Int
    }

    public struct Channel: Equatable, Sendable {
        /// How far a conversation came.
        public enum Reply: String, Sendable {
            /// No driver, or none that says something.
            case notSpokenTo = "not-spoken-to"
            /// Linux has sent something, and the firmware has not taken it.
            case notTaken = "not-taken"
            /// The firmware has taken it, and nothing came back.
            case taken
            /// Bytes came back on this channel.
            case answers
        }
        public var name: ForeignName
        public var address: UInt32
        public var driver: String?
        public var reply: Reply
        /// `ttyRPMSG0`, `rpmsg1`; nil without such a device.
        public var device: String?

        /// Bytes came back on this channel after Linux had spoken.
        public var answers: Bool { reply == .answers }
    }

    public internal(set) var entries: [Entry] = []
    public internal(set) var channels: [Channel] = []
    /// Virtual time that the firmware had.
    public internal(set) var span = VirtualTime.zero
    /// The image asks for no rpmsg: a firmware that does well without Linux.
    public internal(set) var isWithoutRpmsg = false
    /// Whether the firmware was started at all.
    public internal(set) var hasStarted = false

    public var problems: [Entry] { entries.filter(\.isProblem) }
    /// The problem that explains the others.
    public var cause: Entry? { problems.enumerated().min { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }?.element }
    /// Nothing is wrong, and a channel is up and answers, or the firmware asks for none.
    public var isFine: Bool { problems.isEmpty && hasStarted && (isWithoutRpmsg || channels.contains { $0.answers }) }

    func has(_ cause: DoctorCause) -> Bool { entries.contains { $0.name == cause.rawValue } }

    mutating func note(_ note: DoctorNote, _ sentence: String) { self.note(note.rawValue, sentence) }
    mutating func note(_ cause: DoctorCause, _ sentence: String) { note(cause.rawValue, sentence) }

    /// `name` where it is a finding's.
    mutating func note(_ name: String, _ sentence: String) {
        entries.append(Entry(name: name, isProblem: false, sentence: sentence, advice: nil, rank: .max))
    }

    mutating func problem(_ cause: DoctorCause, _ sentence: String, _ advice: String) { problem(cause.rawValue, rank: cause.rank, sentence, advice) }

    /// `name` where it is not the cause's own, as a finding's.
    mutating func problem(_ name: String, rank: Int, _ sentence: String, _ advice: String) {
        guard !entries.contains(where: { $0.name == name && $0.sentence == sentence }) else { return }
        entries.append(Entry(name: name, isProblem: true, sentence: sentence, advice: advice, rank: rank))
    }
}
