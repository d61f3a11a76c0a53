import CSTM32MP157

/// Names of everything the Cortex-M4 reaches at 0x40000000-0x5FFFFFFF: peripherals, registers, interrupt lines.
///
/// A face of the constant tables in `CSTM32MP157`; nothing is built at start-up, and a look-up by address allocates only
/// the strings it returns.
public enum RegisterMap {
    /// A register, or a word of a block that has no register there.
    public struct Location: Equatable, Sendable, CustomStringConvertible {
        /// RM0436's name of the block, `GPIOA`.
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

    /// A block of registers or memory.
    public struct Peripheral: Equatable, Sendable {
        public var name: String
        /// The kind of block, `GPIO` for `GPIOA`.
        public var group: String
        public var base: UInt32
        /// Bytes it decodes.
        public var size: UInt32
        let index: Int
    }

    /// What is at `address`, in any of its register's bytes; nil where no block decodes.
    public static func location(at address: UInt32) -> Location? {
        let index = mp1_peripheral_at(address)
        guard index >= 0 else { return nil }
        let entry = mp1_peripheral_entry(UInt32(index)).pointee
        let offset = (address &- entry.base) & ~3
        let register = mp1_register_at(UInt32(index), offset)
        return Location(
            peripheral: name(entry.name), register: register < 0 ? nil : name(mp1_register_entry(UInt32(register)).pointee.name),
            base: entry.base, offset: offset)
    }

    /// The address of a register named `PERIPHERAL.REGISTER`, or `PERIPHERAL_REGISTER` as ST's headers have it; upper case.
    public static func address(of text: String) -> UInt32? {
        for peripheral in peripherals where text.hasPrefix(peripheral.name) {
            let rest = text.dropFirst(peripheral.name.count)
            guard let separator = rest.first, separator == "." || separator == "_" else { continue }
            let wanted = rest.dropFirst()
            if let found = registers(of: peripheral).first(where: { $0.name == wanted }) { return peripheral.base &+ found.offset }
        }
        return nil
    }

    /// All blocks, by base address.
    public static var peripherals: [Peripheral] { (0..<Int(mp1_peripheral_count)).map(peripheral) }

    public static func peripheral(named wanted: String) -> Peripheral? {
        let index = Int(mp1_peripheral_named(wanted))
        return index < 0 ? nil : peripheral(index)
    }

    private static func peripheral(_ index: Int) -> Peripheral {
        let entry = mp1_peripheral_entry(UInt32(index)).pointee
        return Peripheral(name: name(entry.name), group: name(entry.group), base: entry.base, size: entry.size, index: index)
    }

    /// A block's registers by offset; none for memory.
    public static func registers(of peripheral: Peripheral) -> [Register] {
        let entry = mp1_peripheral_entry(UInt32(peripheral.index)).pointee
        return (0..<Int(entry.register_count)).map { number in
            let register = mp1_register_entry(UInt32(entry.first_register) + UInt32(number))
            let access: Access = switch Int(mp1_register_access(register)) {
            case Int(MP1_READ_ONLY): .readOnly
            case Int(MP1_WRITE_ONLY): .writeOnly
            default: .readWrite
            }
            return Register(
                name: name(register.pointee.name), offset: mp1_register_offset(register),
                bytes: Int(mp1_register_bytes(register)), access: access, resetValue: register.pointee.reset_value)
        }
    }

    /// NVIC lines of the Cortex-M4, 0 to 149.
    public static var interruptCount: Int { Int(MP1_INTERRUPT_COUNT) }

    /// The name of NVIC line `line`, as ST's vector table has it less `_IRQn`; nil for reserved lines and outside 0...149.
    public static func interruptName(_ line: Int) -> String? {
        guard line >= 0, line < interruptCount else { return nil }
        let text = String(cString: mp1_interrupt_name(UInt32(line)))
        return text.isEmpty ? nil : text
    }

    /// The blocks that interrupt line `line` belongs to, by its name: `I2C2_EVT` is I2C2's. Empty where none has such a name.
    public static func peripherals(ofInterrupt line: Int) -> [Peripheral] {
        guard let interrupt = interruptName(line) else { return [] }
        // RM0436's vector table and memory map name these otherwise.
        let names = ["DAC": ["DAC1"], "OTG": ["USB_OTG"], "ETH1": ["ETH_MAC", "ETH_MTL", "ETH_DMA"]]
        let block = String(interrupt.split(separator: "_").first ?? "")
        return (names[block] ?? [interrupt, block]).compactMap { peripheral(named: $0) }
    }

    /// The line that `interruptName` calls `wanted`.
    public static func interrupt(named wanted: String) -> Int? {
        (0..<interruptCount).first { interruptName($0) == wanted }
    }

    private static func name(_ offset: UInt16) -> String { String(cString: mp1_name(UInt32(offset))) }
}
