/// What the firmware has sent to devices: counted, searched as it comes, and kept only as far as `--json` shows it, so that a run's
/// memory does not grow with what is said.
struct Answers {
    /// As many bytes are kept, the first ones.
    static let longest = 1 << 20
    private(set) var kept: [UInt8] = []
    /// Bytes that came.
    private(set) var count: UInt64 = 0
    private var searches: [TextSearch]
    private let keeps: Bool

    /// - Parameters:
    ///   - expected: texts to look for.
    ///   - keeps: whether anybody wants to see the bytes.
    init(expected: [String], keeps: Bool) {
        searches = expected.map(TextSearch.init)
        self.keeps = keeps
    }

    mutating func add(_ bytes: [UInt8]) {
        count &+= UInt64(bytes.count)
        for index in searches.indices { searches[index].add(bytes) }
        if keeps, kept.count < Self.longest { kept.append(contentsOf: bytes.prefix(Self.longest - kept.count)) }
    }

    /// The first text that did not come.
    var missing: String? { searches.first { !$0.isFound }?.text }
}
