/// What a block's model does with the block's registers. What is in none of the lists has no model: it stores what is written, and its
/// first access is a finding.
///
/// It is compiled into a word of flags for each register when the block is first touched: an access to a register that only stores
/// does not reach the block's `read` or `write`.
struct BlockMap {
    /// Registers whose reads go to the block's `read`, and whose writes go to its `write`.
    private(set) var onRead: [Range<UInt32>]
    private(set) var onWrite: [Range<UInt32>]
    /// Registers for which storing what is written is all there is to do.
    private(set) var storageOnly: [Range<UInt32>]
    /// What is missing, by the fields that switch it on.
    let missing: [MissingFeature]

    /// - Parameters:
    ///   - onRead: registers that do more on a read than give what is stored.
    ///   - onWrite: registers that do more on a write than store.
    ///   - storageOnly: those whose function is to hold a value: other registers' behaviour reads it.
    ///   - missing: what the chip's block can and this model cannot.
    init(
        onRead: [any Register.Type] = [], onWrite: [any Register.Type] = [], storageOnly: [any Register.Type] = [], missing: [MissingFeature] = []
    ) {
        func places(_ registers: [any Register.Type]) -> [Range<UInt32>] {
            registers.flatMap { register in
                (0..<register.count).map { number in
                    let offset = register.offset &+ number &* register.stride
                    return offset..<offset &+ 4
                }
            }
        }
        self.onRead = places(onRead)
        self.onWrite = places(onWrite)
        self.storageOnly = places(storageOnly)
        self.missing = missing
    }

    /// A block of which each register acts on each access.
    init(acting span: Range<UInt32>, missing: [MissingFeature] = []) {
        onRead = [span]
        onWrite = [span]
        storageOnly = []
        self.missing = missing
    }
}
