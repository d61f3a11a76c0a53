// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A block's line to DMAMUX1, and through that to the stream which has selected it: high while the block wants an item moved.
struct DMARequest {
    private let requests: DMARequestLines
    private let number: Int

    /// - Parameter name: RM0436's, `SPI1_RX`. Where the chip has no such input, the line leads nowhere.
    init(_ name: String, on interconnect: Interconnect) {
        requests = interconnect.requests
        number = interconnect.chip.dmaRequests.number(of: name) ?? 0
    }

    /// Says whose it is; `dmaItemCycles` of `block` is the time that an item takes.
    ///
    /// - Parameter movesSingly: whether each item may end the request; else a stream may move half of its block without looking.
    func connect(_ block: RegisterBlock, movesSingly: Bool) { requests.connect(number, block, movesSingly: movesSingly) }

    @inline(__always) func set(_ level: Bool) { requests.set(number, level) }
}

/// DMAMUX1's inputs: their levels, and who drives them.
final class DMARequestLines {
    struct Levels: Equatable, Sendable {
        var low: UInt64 = 0
        var high: UInt64 = 0
    }
    private struct Source {
        var block: Unmanaged<RegisterBlock>?
        var movesSingly = false
    }
    /// DMAREQ_ID has seven bits.
    private static let count = 128
    private let sources = UnsafeMutablePointer<Source>.allocate(capacity: count)
    /// What may serve a request.
    var controllers: [Unmanaged<DMA>] = []
    var levels = Levels()

    init() { sources.initialize(repeating: Source(), count: Self.count) }

    deinit { sources.deallocate() }

    func connect(_ number: Int, _ block: RegisterBlock, movesSingly: Bool) {
        guard number > 0, number < Self.count else { return }
        sources[number] = Source(block: Unmanaged.passUnretained(block), movesSingly: movesSingly)
    }

    func source(_ number: Int) -> Unmanaged<RegisterBlock>? { number >= 0 && number < Self.count ? sources[number].block : nil }

    func movesSingly(_ number: Int) -> Bool { number >= 0 && number < Self.count && sources[number].movesSingly }

    /// Core cycles that an item takes.
    func itemCycles(_ number: Int) -> UInt64 { source(number)?._withUnsafeGuaranteedRef { $0.dmaItemCycles } ?? 4 }

    func isHigh(_ number: Int) -> Bool {
        let bit = UInt64(1) &<< UInt64(truncatingIfNeeded: number)
        return (number < 64 ? levels.low : levels.high) & bit != 0
    }

    func set(_ number: Int, _ level: Bool) {
        guard number > 0, number < Self.count, isHigh(number) != level else { return }
        let bit = UInt64(1) &<< UInt64(truncatingIfNeeded: number)
        if number < 64 { levels.low ^= bit } else { levels.high ^= bit }
        if level { onChange() }
    }

    /// A stream may have what it waits for.
    func onChange() {
        for controller in controllers { controller._withUnsafeGuaranteedRef { $0.requestsChanged() } }
    }
}
