// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board

/// One client's side of the protocol: bytes come in, bytes go out, and the target does what is asked.
///
/// Nothing here waits or reads a descriptor: a server gives it what has come and sends what `takeOutput` has, tests do the same by hand.
public final class DebugSession {
    /// What a client may do. The first has the machine; others look.
    public enum Role: Sendable { case controls, looks }

    /// Bytes of the longest packet, either way.
    public static let packetSize = 0x4000

    let target: any DebugTarget
    public let role: Role
    let description: TargetDescription
    var stops = StopTable()
    /// What `?` says.
    var lastHalt = HaltReason(.trap)
    /// A resumption is under way that the client waits for.
    var awaitsStop = false
    /// The client has the target: it has not detached, and not killed it.
    public internal(set) var isAttached = true
    var isExtended = false
    var reportsBreakpointKinds = false
    /// The instruction of a watched access, which GDB takes for not yet executed and steps over, has been executed.
    var hasSteppedAlready = false
    /// Of `Hg`; nil for the one that runs.
    var registerThread: UInt32?
    /// The connection is to end once the output has gone.
    public internal(set) var wantsClose = false
    /// All of the server is to end.
    public internal(set) var endsServer = false

    private var parser = PacketParser(limit: DebugSession.packetSize + 64)
    private var output: [UInt8] = []
    private var lastReply: [UInt8] = []
    private var acknowledges = true
    /// Acknowledgements stop behind the next reply.
    var stopsAcknowledging = false

    public init(_ target: any DebugTarget, role: Role = .controls) {
        (self.target, self.role) = (target, role)
        description = TargetDescription(target.features)
    }

    /// Takes what the client has sent, whatever pieces it comes in.
    public func receive(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            guard !wantsClose, let element = parser.take(byte) else { continue }
            switch element {
            case .acknowledged: break
            case .refused: if acknowledges { output += lastReply }
            case .interrupt: if role == .controls, isAttached { target.halt() }
            case .damaged: if acknowledges { output.append(UInt8(ascii: "-")) }
            case .tooLong:
                acknowledge()
                reply(.error(.tooLong))
            case .packet(let packet):
                acknowledge()
                handle(packet[...])
            }
        }
    }

    /// What is to be sent; it is gone then.
    public func takeOutput() -> [UInt8] {
        defer { output.removeAll(keepingCapacity: true) }
        return output
    }
    public var hasOutput: Bool { !output.isEmpty }

    private func acknowledge() { if acknowledges { output.append(UInt8(ascii: "+")) } }

    // MARK: Replies

    enum Reply {
        case ok
        /// The client takes the packet for one that is not known.
        case empty
        case error(ErrorNumber)
        case text(String)
        case bytes([UInt8])
        /// A stop comes later.
        case none
    }

    /// What a client makes of a number is its own affair: it shows it, or says what it could not do.
    enum ErrorNumber: UInt8 { case invalid = 0x16, noMemory = 0x0E, notAllowed = 0x01, tooLong = 0x07, busy = 0x10, noThread = 0x03 }

    func reply(_ reply: Reply) {
        switch reply {
        case .none: return
        case .ok: send(Array("OK".utf8))
        case .empty: send([])
        case .error(let number): send([UInt8(ascii: "E"), Hex.character(number.rawValue >> 4), Hex.character(number.rawValue & 15)])
        case .text(let text): send(Array(text.utf8))
        case .bytes(let bytes): send(bytes)
        }
        if stopsAcknowledging { (acknowledges, stopsAcknowledging) = (false, false) }
    }

    func send(_ payload: [UInt8]) {
        let begin = output.count
        PacketWriter.append(payload, to: &output)
        lastReply = Array(output[begin...])
    }

    /// Text for the client's console; only while it waits for a stop, or for a command's end.
    func console(_ text: String) {
        let bytes = Array(text.utf8)
        for begin in stride(from: 0, to: bytes.count, by: 4096) {
            send([UInt8(ascii: "O")] + Hex.text(bytes[begin..<min(begin + 4096, bytes.count)]))
        }
    }

    // MARK: Stops

    /// The target stands, and the client hears why.
    public func stopped(_ reason: HaltReason) {
        lastHalt = reason
        registerThread = nil
        hasSteppedAlready = false
        if case .watchpoint = reason.cause { hasSteppedAlready = true }
        guard awaitsStop else { return }
        awaitsStop = false
        if !reason.text.isEmpty { console(reason.text + "\n") }
        send(stopPacket(reason))
    }

    /// The run has ended, and the client with it: a status, or the signal of what ended it.
    public func ended(status: UInt8, signal: UInt8? = nil) {
        guard isAttached else { return }
        if awaitsStop {
            let number = signal ?? status
            send([UInt8(ascii: signal == nil ? "W" : "X"), Hex.character(number >> 4), Hex.character(number & 15)])
        }
        (awaitsStop, isAttached, wantsClose) = (false, false, true)
    }

    func stopPacket(_ reason: HaltReason) -> [UInt8] {
        var text = "T" + (reason.signal < 16 ? "0" : "") + Hex.number(reason.signal)
        switch reason.cause {
        case .breakpoint:
            if reportsBreakpointKinds {
                let kind = stops.breakpoint(at: UInt32(truncatingIfNeeded: target.register(.r(15))))?.kind
                text += kind == .hardware ? "hwbreak:;" : "swbreak:;"
            }
        case .watchpoint(let kind, let address): text += "\(kind.name):\(Hex.number(address));"
        case .trap, .interrupt, .fault: break
        }
        // What every stop asks for next.
        for number in [13, 15, 25] as [UInt64] {
            guard let entry = description.register(number) else { continue }
            text += "\(number < 16 ? "0" : "")\(Hex.number(number)):" + String(decoding: Hex.text(Hex.littleEndian(target.register(entry.register), count: entry.count)), as: UTF8.self) + ";"
        }
        return Array((text + "thread:\(Hex.number(target.threads.current));").utf8)
    }

    /// Whether a stop at a breakpoint is one for the client: it has one there, and a condition that is true, or none, or one that cannot be evaluated.
    public func wantsStop(at address: UInt32) -> Bool {
        guard stops.breakpoint(at: address) != nil else { return false }
        guard let conditions = stops.conditions(at: address) else { return true }
        return conditions.contains { condition in
            do throws(AgentExpression.Failure) {
                return try condition.value(register: { self.value($0) }, memory: { self.memory($0, $1) }) != 0
            } catch { return true }
        }
    }

    public func hasBreakpoint(at address: UInt32) -> Bool { stops.breakpoint(at: address) != nil }

    /// What the client's watchpoints make of an access; nil where it is none of theirs.
    public func watch(_ access: WatchedAccess) -> WatchKind? { stops.watch(access.watched, width: access.width, isWrite: access.isWrite) }

    private func value(_ number: UInt16) -> UInt64? { description.register(UInt64(number)).map { target.register($0.register) } }
    private func memory(_ address: UInt32, _ count: Int) -> UInt64? {
        let bytes = target.read(address, count: count)
        return bytes.count == count ? Hex.value(bytes) : nil
    }

    /// The client has gone, or lets the target go: nothing of its is left in it.
    public func release() {
        stops.removeAll()
        target.setStops(breakpoints: [], watchpoints: [])
        stops.isApplied()
        (isAttached, awaitsStop) = (false, false)
    }
}
