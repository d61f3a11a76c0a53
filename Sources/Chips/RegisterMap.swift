// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CRegisterMap

/// Names of everything a chip's coprocessor reaches on its peripheral buses: peripherals, registers, interrupt lines.
///
/// A face of the constant tables of one chip; nothing is built at start-up, and a look-up by address allocates only
/// the strings it returns.
public struct RegisterMap: Equatable, Sendable {
    /// The chip's tables, which stay as they are for the process' life.
    public nonisolated(unsafe) let tables: UnsafePointer<register_map>

    /// - Parameter tables: constant, and never freed.
    public init(_ tables: UnsafePointer<register_map>) { self.tables = tables }

    /// A register, or a word of a block that has no register there.
    public struct Location: Equatable, Sendable, CustomStringConvertible {
        /// The reference manual's name of the block, `GPIOA`.
        public var peripheral: String
        /// The register's name within the block, `MODER`; nil for a reserved word or memory.
        public var register: String?
        /// The block's base address.
        public var base: UInt32
        /// Bytes from the block's base to the word.
        public var offset: UInt32

        /// `GPIOA.MODER`, or `GPIOA+0x2c` for a word without a name.
        public var description: String {
            if let register { return "\(peripheral).\(register)" }
            return "\(peripheral)+0x\(String(offset, radix: 16))"
        }
    }

    public enum Access: Equatable, Sendable { case readWrite, readOnly, writeOnly }

    /// A register as the reference manual describes it.
    public struct Register: Equatable, Sendable {
        public var name: String
        /// Bytes from the block's base.
        public var offset: UInt32
        /// 1, 2 or 4.
        public var bytes: Int
        public var access: Access
        public var resetValue: UInt32
    }

    /// A field of a register.
    public struct Field: Equatable, Sendable {
        public var name: String
        /// The lowest bit, 0 to 31, and how many there are, 1 to 32.
        public var bit: Int, width: Int
        /// Where firmware can write the register's other fields, only.
        public var isReadOnly: Bool
        /// Its bits in the register.
        public var mask: UInt32 { (.max >> UInt32(32 - width)) << UInt32(bit) }
    }

    /// A block of registers or memory.
    public struct Peripheral: Equatable, Sendable {
        public var name: String
        /// The kind of block, `GPIO` for `GPIOA`.
        public var group: String
        public var base: UInt32
        /// Bytes it decodes.
        public var size: UInt32
        /// In the chip's tables.
        public let index: Int
    }

    /// Addresses between which all peripherals lie.
    public var bank: ClosedRange<UInt32> { tables.pointee.first...max(tables.pointee.first, tables.pointee.last) }

    /// What is at `address`, in any of its register's bytes; nil where no block decodes.
    public func location(at address: UInt32) -> Location? {
        let index = register_map_peripheral_at(tables, address)
        guard index >= 0 else { return nil }
        let entry = entry(Int(index))
        let offset = (address &- entry.base) & ~3
        let register = register_map_register_at(tables, UInt32(index), offset)
        return Location(
            peripheral: name(entry.name), register: register < 0 ? nil : name(tables.pointee.registers[Int(register)].name), base: entry.base, offset: offset)
    }

    /// The address of a register named `PERIPHERAL.REGISTER`, or `PERIPHERAL_REGISTER` as ST's headers have it; upper case.
    public func address(of text: String) -> UInt32? {
        for peripheral in peripherals where text.hasPrefix(peripheral.name) {
            let rest = text.dropFirst(peripheral.name.count)
            guard let separator = rest.first, separator == "." || separator == "_" else { continue }
            if let found = address(peripheral.name, String(rest.dropFirst())) { return found }
        }
        return nil
    }

    /// The address of `register` of `peripheral`. Compares names without building any.
    public func address(_ peripheral: String, _ register: String) -> UInt32? {
        let index = register_map_peripheral_named(tables, peripheral)
        guard index >= 0 else { return nil }
        let number = register_map_register_named(tables, UInt32(index), register)
        guard number >= 0 else { return nil }
        return entry(Int(index)).base &+ register_map_offset(tables.pointee.registers + Int(number))
    }

    /// What `register` of `peripheral` is after a reset; for a constant, what it is.
    public func resetValue(_ peripheral: String, _ register: String) -> UInt32? {
        let index = register_map_peripheral_named(tables, peripheral)
        guard index >= 0 else { return nil }
        let number = register_map_register_named(tables, UInt32(index), register)
        return number < 0 ? nil : tables.pointee.registers[Int(number)].reset_value
    }

    /// All blocks, by base address.
    public var peripherals: [Peripheral] { (0..<Int(tables.pointee.peripheral_count)).map(peripheral) }

    public func peripheral(named wanted: String) -> Peripheral? {
        let index = Int(register_map_peripheral_named(tables, wanted))
        return index < 0 ? nil : peripheral(index)
    }

    private func entry(_ index: Int) -> register_map_peripheral { tables.pointee.peripherals[index] }

    private func peripheral(_ index: Int) -> Peripheral {
        let entry = entry(index)
        return Peripheral(name: name(entry.name), group: name(entry.group), base: entry.base, size: entry.size, index: index)
    }

    /// A block's registers by offset; none for memory.
    public func registers(of peripheral: Peripheral) -> [Register] {
        let entry = entry(peripheral.index)
        return (0..<Int(entry.register_count)).map { number in
            let register = tables.pointee.registers + (Int(entry.first_register) + number)
            let access: Access = switch Int(register_map_access(register)) {
            case Int(REGISTER_READ_ONLY): .readOnly
            case Int(REGISTER_WRITE_ONLY): .writeOnly
            default: .readWrite
            }
            return Register(
                name: name(register.pointee.name), offset: register_map_offset(register),
                bytes: Int(register_map_bytes(register)), access: access, resetValue: register.pointee.reset_value)
        }
    }

    /// The fields of the register of `peripheral` that is `offset` bytes from its base, by their lowest bits. Those of a register with two
    /// layouts overlap.
    public func fields(of peripheral: Peripheral, at offset: UInt32) -> [Field] {
        let number = register_map_register_at(tables, UInt32(peripheral.index), offset)
        guard number >= 0 else { return [] }
        let register = tables.pointee.registers + Int(number)
        return (0..<Int(register_map_field_count(register))).map { place in
            let field = tables.pointee.fields[Int(register.pointee.first_field) + place]
            return Field(
                name: String(cString: tables.pointee.field_names + Int(register_map_field_name(field))), bit: Int(register_map_field_bit(field)),
                width: Int(register_map_field_width(field)), isReadOnly: register_map_field_is_read_only(field) != 0)
        }
    }

    // MARK: Interrupts

    /// Lines of the coprocessor's NVIC, counted from 0.
    public var interruptCount: Int { Int(tables.pointee.interrupt_count) }

    /// The name of NVIC line `line`, as ST's vector table has it less `_IRQn`; nil for reserved lines and for what is no line.
    public func interruptName(_ line: Int) -> String? {
        guard line >= 0, line < interruptCount else { return nil }
        let text = name(tables.pointee.interrupt_names[line])
        return text.isEmpty ? nil : text
    }

    /// The line that `interruptName` calls `wanted`.
    public func interrupt(named wanted: String) -> Int? {
        let line = register_map_interrupt_named(tables, wanted)
        return line < 0 ? nil : Int(line)
    }

    private func name(_ offset: UInt16) -> String { String(cString: tables.pointee.names + Int(offset)) }
}
