/// A natural number of any size, in the few operations that tell whether an RSA key's numbers belong together, and that put the halves
/// of a signature together. Sizes are bounded by whoever makes one.
struct Natural: Equatable {
    /// Little-endian, the highest not 0; none of 0.
    private var limbs: [UInt64]

    /// - Parameter bytes: big-endian.
    init(_ bytes: some BidirectionalCollection<UInt8>) {
        limbs = []
        for (index, byte) in bytes.reversed().enumerated() {
            if index % 8 == 0 { limbs.append(0) }
            limbs[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8)
        }
        trim()
    }

    private init(limbs: [UInt64]) {
        self.limbs = limbs
        trim()
    }

    static let one = Natural([1])

    var bits: Int { limbs.count * 64 - (limbs.last?.leadingZeroBitCount ?? 0) }

    /// Big-endian, `count` of them; what does not fit is left out.
    func bytes(_ count: Int) -> [UInt8] {
        (0..<count).reversed().map { $0 / 8 < limbs.count ? UInt8(truncatingIfNeeded: limbs[$0 / 8] >> UInt64($0 % 8 * 8)) : 0 }
    }

    static func * (a: Natural, b: Natural) -> Natural {
        var product = [UInt64](repeating: 0, count: a.limbs.count + b.limbs.count)
        for (i, x) in a.limbs.enumerated() {
            var carry: UInt64 = 0
            for (j, y) in b.limbs.enumerated() {
                let full = x.multipliedFullWidth(by: y)
                let first = full.low.addingReportingOverflow(product[i + j])
                let second = first.partialValue.addingReportingOverflow(carry)
                product[i + j] = second.partialValue
                // The sum of a product of two words and two words has room in two words.
                carry = full.high &+ (first.overflow ? 1 : 0) &+ (second.overflow ? 1 : 0)
            }
            product[i + b.limbs.count] = carry
        }
        return Natural(limbs: product)
    }

    static func + (a: Natural, b: Natural) -> Natural {
        var sum = a.limbs.count < b.limbs.count ? b.limbs : a.limbs
        let other = a.limbs.count < b.limbs.count ? a.limbs : b.limbs
        var carry: UInt64 = 0
        for index in sum.indices {
            let first = sum[index].addingReportingOverflow(index < other.count ? other[index] : 0)
            let second = first.partialValue.addingReportingOverflow(carry)
            sum[index] = second.partialValue
            carry = first.overflow || second.overflow ? 1 : 0
        }
        return Natural(limbs: sum + [carry])
    }

    /// nil when `b` is the larger one.
    static func - (a: Natural, b: Natural) -> Natural? {
        guard a.limbs.count >= b.limbs.count else { return nil }
        var difference = a.limbs
        return subtract(b.limbs, from: &difference) ? nil : Natural(limbs: difference)
    }

    /// The remainder of a division by `modulus`; nil by 0. Bit by bit: the time is that of the difference in bits, times the modulus' limbs.
    func remainder(by modulus: Natural) -> Natural? {
        guard !modulus.limbs.isEmpty else { return nil }
        let start = max(0, bits - modulus.bits + 1)
        var rest = shiftedRight(start).limbs
        rest += [UInt64](repeating: 0, count: max(0, modulus.limbs.count + 1 - rest.count))
        for bit in (0..<start).reversed() {
            var carry = limbs[bit / 64] >> UInt64(bit % 64) & 1
            for index in rest.indices { (rest[index], carry) = (rest[index] << 1 | carry, rest[index] >> 63) }
            if !Self.isLess(rest, modulus.limbs) { _ = Self.subtract(modulus.limbs, from: &rest) }
        }
        return Natural(limbs: rest)
    }

    private func shiftedRight(_ count: Int) -> Natural {
        let (skipped, shift) = (count / 64, UInt64(count % 64))
        guard skipped < limbs.count else { return Natural(limbs: []) }
        return Natural(
            limbs: (skipped..<limbs.count).map { index in
                limbs[index] >> shift | (shift > 0 && index + 1 < limbs.count ? limbs[index + 1] << (64 - shift) : 0)
            })
    }

    private mutating func trim() { while limbs.last == 0 { limbs.removeLast() } }

    /// Of numbers whose first has as many limbs as the second, or more.
    private static func isLess(_ a: [UInt64], _ b: [UInt64]) -> Bool {
        for index in a.indices.reversed() {
            let other = index < b.count ? b[index] : 0
            if a[index] != other { return a[index] < other }
        }
        return false
    }

    /// Whether there is a borrow left.
    private static func subtract(_ b: [UInt64], from a: inout [UInt64]) -> Bool {
        var borrow: UInt64 = 0
        for index in a.indices {
            let first = a[index].subtractingReportingOverflow(index < b.count ? b[index] : 0)
            let second = first.partialValue.subtractingReportingOverflow(borrow)
            a[index] = second.partialValue
            borrow = first.overflow || second.overflow ? 1 : 0
        }
        return borrow == 1
    }
}
