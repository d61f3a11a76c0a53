// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Where a register is in its block. What conforms is generated, in `Registers`, and has the register's fields.
protocol Register {
    /// Bytes from the block's base; of several that are alike, to the first.
    static var offset: UInt32 { get }
    /// Bytes from one of them to the next.
    static var stride: UInt32 { get }
    static var count: UInt32 { get }
}

extension Register {
    static var stride: UInt32 { 4 }
    static var count: UInt32 { 1 }
    /// Offsets from the first to the end of the last.
    static var span: Range<UInt32> { offset..<offset &+ stride &* (count &- 1) &+ 4 }
}

/// Registers that are alike but for the number in their names, at equal distances.
protocol RegisterArray: Register {
    /// The number in the first one's name.
    static var first: UInt32 { get }
}

extension RegisterArray {
    /// Bytes from the block's base to the register with this number in its name.
    @inline(__always) static func offset(_ number: UInt32) -> UInt32 { offset &+ (number &- first) &* stride }
}

/// A field of a register: its place and its name. A constant, of which nothing is left in compiled code but its numbers.
struct Field {
    private let stem: StaticString, ending: StaticString
    /// In the name, between stem and ending; negative for none.
    private let number: Int32
    /// Bytes from the block's base to the register.
    let offset: UInt32
    /// The lowest bit, and how many there are.
    let shift: UInt32, width: UInt32

    @inline(__always) init(_ name: StaticString, _ offset: UInt32, _ shift: UInt32, _ width: UInt32) {
        self.init(name, "", number: -1, offset, shift, width)
    }

    @inline(__always) fileprivate init(_ stem: StaticString, _ ending: StaticString, number: Int32, _ offset: UInt32, _ shift: UInt32, _ width: UInt32) {
        self.stem = stem
        self.ending = ending
        self.number = number
        self.offset = offset
        self.shift = shift
        self.width = width
    }

    /// RM0436's.
    var name: String { number < 0 ? "\(stem)\(ending)" : "\(stem)\(number)\(ending)" }

    /// Its bits in the register.
    @inline(__always) var mask: UInt32 { (width > 31 ? ~0 : (1 &<< width) &- 1) &<< shift }

    /// The field of this name in another register.
    @inline(__always) func at(_ offset: UInt32) -> Field { Field(stem, ending, number: number, offset, shift, width) }
}

/// Fields of one register that are alike but for the number in their names, at equal distances.
struct FieldArray {
    private let stem: StaticString, ending: StaticString
    private let shift: UInt32, width: UInt32, step: UInt32, first: UInt32
    /// Bytes from the block's base to the register.
    let offset: UInt32
    let count: UInt32

    @inline(__always) init(
        _ stem: StaticString, _ ending: StaticString, _ offset: UInt32, _ shift: UInt32, _ width: UInt32, by step: UInt32, from first: UInt32, _ count: UInt32
    ) {
        self.stem = stem; self.ending = ending; self.offset = offset; self.shift = shift; self.width = width; self.step = step
        self.first = first; self.count = count
    }

    /// The field with this number in its name, which the register has.
    @inline(__always) subscript(_ number: UInt32) -> Field {
        Field(stem, ending, number: Int32(truncatingIfNeeded: number), offset, shift &+ (number &- first) &* step, width)
    }

    /// The bits of all of them.
    var mask: UInt32 { (0..<count).reduce(0) { $0 | self[first &+ $1].mask } }
}

extension UInt32 {
    /// A field of this word, which is its register's content.
    @inline(__always) subscript(_ field: Field) -> UInt32 {
        get { (self & field.mask) &>> field.shift }
        set { self = self & ~field.mask | (newValue &<< field.shift) & field.mask }
    }

    /// Whether the field of this word, which is its register's content, is not zero.
    @inline(__always) func has(_ field: Field) -> Bool { self & field.mask != 0 }
}

extension RegisterBlock {
    /// A field's stored value, without side effects.
    @inline(__always) final subscript(_ field: Field) -> UInt32 {
        get { self[field.offset][field] }
        set { self[field.offset][field] = newValue }
    }

    /// Whether the stored field is not zero.
    @inline(__always) final func has(_ field: Field) -> Bool { self[field.offset].has(field) }
}
