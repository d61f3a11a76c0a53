// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board

// Registers and memory.
extension DebugSession {
    /// The registers of `g` and `G`, and of `p` and `P`, are of this one.
    private var thread: UInt32 { registerThread ?? target.threads.current }

    private func bytes(_ entry: TargetDescription.Entry) -> [UInt8] {
        target.register(entry.register, of: thread).map { Hex.text(Hex.littleEndian($0, count: entry.count)) }
            ?? [UInt8](repeating: UInt8(ascii: "x"), count: entry.count * 2)
    }

    func readRegisters() -> Reply { .bytes(description.registers.flatMap(bytes)) }

    func writeRegisters(_ reader: inout PacketReader) -> Reply {
        guard target.isHalted else { return .error(.busy) }
        guard let values = Hex.bytes(reader.remaining()) else { return .error(.invalid) }
        let registers = description.registers
        guard values.count == registers.reduce(0, { $0 + $1.count }) else { return .error(.invalid) }
        var place = 0
        for entry in registers {
            let value = Hex.value(values[place..<place + entry.count])
            place += entry.count
            // Only what differs: a register may not take back what it shows.
            if target.register(entry.register, of: thread) != value { _ = target.setRegister(entry.register, to: value, of: thread) }
        }
        hasSteppedAlready = false
        return .ok
    }

    func readRegister(_ reader: inout PacketReader) -> Reply {
        guard let number = reader.number(), let entry = description.register(number) else { return .error(.invalid) }
        return .bytes(bytes(entry))
    }

    func writeRegister(_ reader: inout PacketReader) -> Reply {
        guard target.isHalted else { return .error(.busy) }
        guard let number = reader.number(), reader.take("="), let entry = description.register(number), let value = Hex.bytes(reader.remaining()), value.count == entry.count
        else { return .error(.invalid) }
        hasSteppedAlready = false
        return target.setRegister(entry.register, to: Hex.value(value), of: thread) ? .ok : .error(.notAllowed)
    }

    func readMemory(_ reader: inout PacketReader) -> Reply {
        guard let address = reader.number(), reader.take(","), let count = reader.number(), reader.isAtEnd else { return .error(.invalid) }
        guard let address = UInt32(exactly: address) else { return .error(.noMemory) }
        guard count > 0 else { return .bytes([]) }
        let most = min(count, UInt64(Self.packetSize / 2), 0x1_0000_0000 - UInt64(address))
        let bytes = target.read(address, count: Int(most))
        return bytes.isEmpty ? .error(.noMemory) : .bytes(Hex.text(bytes))
    }

    func writeMemory(_ reader: inout PacketReader, isBinary: Bool) -> Reply {
        guard let address = reader.number(), reader.take(","), let count = reader.number(), reader.take(":") else { return .error(.invalid) }
        let rest = reader.remaining()
        guard let bytes = isBinary ? Array(rest) : Hex.bytes(rest), UInt64(bytes.count) == count else { return .error(.invalid) }
        // The client's question whether there is such a packet.
        guard count > 0 else { return .ok }
        guard let address = UInt32(exactly: address), UInt64(address) + count <= 0x1_0000_0000 else { return .error(.noMemory) }
        hasSteppedAlready = false
        switch target.write(address, bytes) {
        case .done: return .ok
        case .noMemory: return .error(.noMemory)
        case .refused: return .error(.notAllowed)
        }
    }

    // MARK: Threads

    func selectThread(_ reader: inout PacketReader) -> Reply {
        guard let operation = reader.takeByte() else { return .error(.invalid) }
        guard let number = threadNumber(&reader) else { return .error(.invalid) }
        guard operation == UInt8(ascii: "g") else { return .ok }
        switch number {
        case .any: registerThread = nil
        case .one(let number):
            guard target.threads.all.contains(where: { $0.number == number }) else { return .error(.noThread) }
            registerThread = number
        }
        return .ok
    }

    enum ThreadNumber: Equatable { case any, one(UInt32) }

    /// `-1` and `0` are any; nil for what is no number.
    func threadNumber(_ reader: inout PacketReader) -> ThreadNumber? {
        if reader.take("-1") || reader.isAtEnd { return .any }
        guard let number = reader.number().flatMap({ UInt32(exactly: $0) }) else { return nil }
        return number == 0 ? .any : .one(number)
    }

    func isThread(_ reader: inout PacketReader) -> Reply {
        guard case .one(let number) = threadNumber(&reader), target.threads.all.contains(where: { $0.number == number }) else { return .error(.noThread) }
        return .ok
    }
}
