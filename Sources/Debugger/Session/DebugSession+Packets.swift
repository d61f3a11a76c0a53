// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// Which packet is whose. Source: GDB manual, appendix E.2, "Packets".
extension DebugSession {
    func handle(_ packet: ArraySlice<UInt8>) {
        guard let first = packet.first else { return reply(.empty) }
        if role == .looks, !Self.onlyLooks(packet) { return reply(.error(.notAllowed)) }
        var reader = PacketReader(packet.dropFirst())
        switch first {
        case UInt8(ascii: "!"):
            isExtended = true
            reply(.ok)
        case UInt8(ascii: "?"): reply(.bytes(stopPacket(lastHalt)))
        case UInt8(ascii: "H"): reply(selectThread(&reader))
        case UInt8(ascii: "T"): reply(isThread(&reader))
        case UInt8(ascii: "g"): reply(readRegisters())
        case UInt8(ascii: "G"): reply(writeRegisters(&reader))
        case UInt8(ascii: "p"): reply(readRegister(&reader))
        case UInt8(ascii: "P"): reply(writeRegister(&reader))
        case UInt8(ascii: "m"): reply(readMemory(&reader))
        case UInt8(ascii: "M"): reply(writeMemory(&reader, isBinary: false))
        case UInt8(ascii: "X"): reply(writeMemory(&reader, isBinary: true))
        case UInt8(ascii: "c"), UInt8(ascii: "s"): reply(resume(first, &reader, hasSignal: false))
        case UInt8(ascii: "C"), UInt8(ascii: "S"): reply(resume(first | 0x20, &reader, hasSignal: true))
        case UInt8(ascii: "Z"): reply(insertStop(&reader))
        case UInt8(ascii: "z"): reply(removeStop(&reader))
        case UInt8(ascii: "D"): reply(detach())
        case UInt8(ascii: "k"):
            kill()
            if !isExtended { wantsClose = true }
        case UInt8(ascii: "R"): if isExtended { restart() }
        case UInt8(ascii: "v"): reply(verbose(&reader))
        case UInt8(ascii: "q"): reply(query(&reader))
        case UInt8(ascii: "Q"): reply(setting(&reader))
        default: reply(.empty)
        }
    }

    /// Whether a packet changes nothing and lets nothing run. A client that only looks may put breakpoints away, and leave.
    private static func onlyLooks(_ packet: ArraySlice<UInt8>) -> Bool {
        switch packet.first.map({ Character(UnicodeScalar($0)) }) {
        case "!", "?", "H", "T", "g", "p", "m", "q", "Q", "z", "D", "k": true
        case "v": packet.starts(with: "vCont?".utf8) || packet.starts(with: "vMustReplyEmpty".utf8)
        case "G", "P", "M", "X", "c", "s", "C", "S", "Z", "R": false
        default: true
        }
    }

    // MARK: v

    private func verbose(_ reader: inout PacketReader) -> Reply {
        if reader.take("Cont?") { return .text("vCont;c;C;s;S;t;r") }
        if reader.take("Cont;") { return resume(&reader) }
        if reader.take("CtrlC") {
            target.halt()
            return .ok
        }
        if reader.take("Kill") {
            kill()
            return .ok
        }
        if reader.take("Run"), reader.isAtEnd || reader.next == UInt8(ascii: ";") { return run() }
        if reader.take("Attach;") { return attach() }
        return .empty
    }

    // MARK: Life

    private func detach() -> Reply {
        if role == .controls { letGo() }
        if !isExtended || role == .looks { wantsClose = true }
        return .ok
    }

    /// The client leaves a machine that goes on without it.
    public func letGo() {
        guard isAttached else { return }
        release()
        if target.isHalted { target.resume(.run) }
    }

    /// The core stands, and nothing of the client's is left in it.
    private func kill() {
        guard role == .controls else {
            wantsClose = true
            return
        }
        target.halt()
        release()
    }

    private func run() -> Reply {
        guard target.resetAndHalt() == nil else { return .error(.notAllowed) }
        isAttached = true
        lastHalt = HaltReason(.trap)
        return .bytes(stopPacket(lastHalt))
    }

    private func attach() -> Reply {
        isAttached = true
        target.halt()
        lastHalt = HaltReason(.trap)
        return .bytes(stopPacket(lastHalt))
    }

    private func restart() {
        isAttached = true
        lastHalt = HaltReason(.trap)
        _ = target.resetAndHalt()
    }
}
