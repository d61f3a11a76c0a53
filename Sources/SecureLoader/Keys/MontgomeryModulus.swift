/// Powers modulo an odd number of any size, by Montgomery's multiplication (P. Montgomery, Math. Comp. 44, 1985; CIOS form).
///
/// How long it takes depends on the exponent's bits: a secret one can be measured from outside.
struct MontgomeryModulus {
    /// Little-endian, the highest not 0.
    private let limbs: [UInt64]
    /// -1 / modulus, modulo 2^64.
    private let inverse: UInt64
    /// R^2 modulo the modulus, where R is 2^64 to the number of limbs.
    private var square: [UInt64]

    /// - Parameter bytes: big-endian. nil unless it is odd and above 1.
    init?(_ bytes: [UInt8]) {
        let limbs = Self.limbs(bytes)
        guard let low = limbs.first, low & 1 == 1, limbs != [1] else { return nil }
        self.limbs = limbs
        // Each of Newton's steps doubles the bits that are right; an odd number is its own inverse in the lowest three.
        var inverse = low
        for _ in 0..<5 { inverse = inverse &* (2 &- low &* inverse) }
        self.inverse = 0 &- inverse
        func double(_ number: inout [UInt64]) {
            let carry = Self.double(&number)
            if carry || !Self.isLess(number, limbs) { Self.subtract(limbs, from: &number) }
        }
        // The modulus' highest bit is below it; doubled up to R it is R modulo the modulus.
        let bits = limbs.count * 64 - (limbs.last?.leadingZeroBitCount ?? 0)
        var power = [UInt64](repeating: 0, count: limbs.count)
        power[(bits - 1) / 64] = 1 << UInt64((bits - 1) % 64)
        for _ in 0..<limbs.count * 64 - bits + 1 { double(&power) }
        // As in any power: squaring R times 2^k gives R times 2^2k, and the exponent is the bits of R.
        square = []
        var scratch = [UInt64](repeating: 0, count: limbs.count + 2)
        let exponent = limbs.count * 64
        for bit in (0..<Int.bitWidth - exponent.leadingZeroBitCount).reversed() {
            power = multiply(power, power, &scratch)
            if exponent >> bit & 1 == 1 { double(&power) }
        }
        square = power
    }

    /// `base` to the power `exponent`, both big-endian; as many bytes as the modulus has. nil when `base` is not below the modulus.
    func power(_ base: [UInt8], _ exponent: [UInt8]) -> [UInt8]? {
        var start = Self.limbs(base)
        guard start.count <= limbs.count else { return nil }
        start += [UInt64](repeating: 0, count: limbs.count - start.count)
        guard Self.isLess(start, limbs) else { return nil }
        let one = [1] + [UInt64](repeating: 0, count: limbs.count - 1)
        var scratch = [UInt64](repeating: 0, count: limbs.count + 2)
        let factor = multiply(start, square, &scratch)
        var result = multiply(one, square, &scratch)
        for byte in exponent.drop(while: { $0 == 0 }) {
            for bit in (0..<8).reversed() {
                result = multiply(result, result, &scratch)
                if byte >> UInt8(bit) & 1 == 1 { result = multiply(result, factor, &scratch) }
            }
        }
        return bytes(multiply(result, one, &scratch))
    }

    /// `a * b / R`, below the modulus when both are.
    private func multiply(_ a: [UInt64], _ b: [UInt64], _ scratch: inout [UInt64]) -> [UInt64] {
        let count = limbs.count
        for index in scratch.indices { scratch[index] = 0 }
        for factor in b {
            var carry: UInt64 = 0
            for index in 0..<count { scratch[index] = Self.multiplyAdd(a[index], factor, scratch[index], &carry) }
            var (sum, overflow) = scratch[count].addingReportingOverflow(carry)
            scratch[count] = sum
            scratch[count + 1] = overflow ? 1 : 0
            // A multiple of the modulus that makes the lowest limb 0, which is then shifted out.
            let multiple = scratch[0] &* inverse
            carry = 0
            _ = Self.multiplyAdd(multiple, limbs[0], scratch[0], &carry)
            for index in 1..<max(1, count) {
                scratch[index - 1] = Self.multiplyAdd(multiple, limbs[index], scratch[index], &carry)
            }
            (sum, overflow) = scratch[count].addingReportingOverflow(carry)
            scratch[count - 1] = sum
            scratch[count] = scratch[count + 1] &+ (overflow ? 1 : 0)
        }
        var result = Array(scratch[..<count])
        if scratch[count] != 0 || !Self.isLess(result, limbs) { Self.subtract(limbs, from: &result) }
        return result
    }

    /// The low word of `a * b + c + carry`, whose high word is the new carry: the sum has room in two words.
    @inline(__always)
    private static func multiplyAdd(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ carry: inout UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        let first = product.low.addingReportingOverflow(c)
        let second = first.partialValue.addingReportingOverflow(carry)
        carry = product.high &+ (first.overflow ? 1 : 0) &+ (second.overflow ? 1 : 0)
        return second.partialValue
    }

    // MARK: Numbers of equally many limbs

    private static func isLess(_ a: [UInt64], _ b: [UInt64]) -> Bool {
        for index in a.indices.reversed() where a[index] != b[index] { return a[index] < b[index] }
        return false
    }

    private static func subtract(_ b: [UInt64], from a: inout [UInt64]) {
        var borrow: UInt64 = 0
        for index in a.indices {
            let first = a[index].subtractingReportingOverflow(b[index])
            let second = first.partialValue.subtractingReportingOverflow(borrow)
            a[index] = second.partialValue
            borrow = first.overflow || second.overflow ? 1 : 0
        }
    }

    /// Returns what does not fit.
    private static func double(_ a: inout [UInt64]) -> Bool {
        var carry: UInt64 = 0
        for index in a.indices { (a[index], carry) = (a[index] << 1 | carry, a[index] >> 63) }
        return carry == 1
    }

    private static func limbs(_ bytes: [UInt8]) -> [UInt64] {
        let magnitude = bytes.drop { $0 == 0 }
        var limbs: [UInt64] = []
        for (index, byte) in magnitude.reversed().enumerated() {
            if index % 8 == 0 { limbs.append(0) }
            limbs[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8)
        }
        return limbs
    }

    /// Big-endian, as many as the modulus has.
    private func bytes(_ number: [UInt64]) -> [UInt8] {
        let bits = limbs.count * 64 - (limbs.last?.leadingZeroBitCount ?? 0)
        return (0..<(bits + 7) / 8).reversed().map { UInt8(truncatingIfNeeded: number[$0 / 8] >> UInt64($0 % 8 * 8)) }
    }
}
