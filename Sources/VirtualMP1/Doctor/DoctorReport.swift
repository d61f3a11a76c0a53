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
        public var name: String
        public var address: UInt32
        public var driver: String?
        /// Messages of the firmware's that came from it were counted, or it took what Linux said.
        public var answers: Bool
    }

    public internal(set) var entries: [Entry] = []
    public internal(set) var channels: [Channel] = []
    /// Virtual time that the firmware had.
    public internal(set) var span = VirtualTime.zero

    public var problems: [Entry] { entries.filter(\.isProblem) }
    /// The problem that explains the others.
    public var cause: Entry? { problems.enumerated().min { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }?.element }
    /// A channel is up and answers, and nothing is wrong.
    public var isFine: Bool { problems.isEmpty && channels.contains { $0.answers } }

    mutating func note(_ name: String, _ sentence: String) {
        entries.append(Entry(name: name, isProblem: false, sentence: sentence, advice: nil, rank: .max))
    }
    mutating func problem(_ name: String, rank: Int, _ sentence: String, _ advice: String) {
        guard !entries.contains(where: { $0.name == name && $0.sentence == sentence }) else { return }
        entries.append(Entry(name: name, isProblem: true, sentence: sentence, advice: advice, rank: rank))
    }
}
