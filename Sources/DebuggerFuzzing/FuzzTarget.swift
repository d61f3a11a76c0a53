// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Debugger
import M4Board

// What libFuzzer calls with bytes that a client of the debugger might send. `make fuzz-debugger` builds it with the toolchain's fuzzer and address sanitizer.

/// 0, as libFuzzer wants it; a finding is a trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: data, count: size))
    FuzzTarget.raw(bytes)
    FuzzTarget.packets(bytes)
    FuzzTarget.expression(bytes)
    return 0
}

enum FuzzTarget {
    private static func session(_ role: DebugSession.Role) -> (DebugSession, InMemoryTarget) {
        let target = InMemoryTarget(size: 1024), session = DebugSession(target, role: role)
        target.onHalt = { [unowned session] in session.stopped($0) }
        return (session, target)
    }

    /// The input as it comes from a socket.
    static func raw(_ bytes: [UInt8]) {
        for role in [DebugSession.Role.controls, .looks] {
            let (session, target) = session(role)
            session.receive(bytes)
            check(session, target, bytes.count)
        }
    }

    /// Lines of the input as packets with right checksums; the core comes to stand behind each.
    static func packets(_ bytes: [UInt8]) {
        let (session, target) = session(.controls)
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).prefix(64) {
            session.receive(PacketWriter.framed(line))
            if !target.isHalted { target.come(to: HaltReason(.breakpoint)) }
            _ = session.wantsStop(at: target.base)
        }
        check(session, target, bytes.count)
    }

    static func expression(_ bytes: [UInt8]) {
        _ = try? AgentExpression(Array(bytes.prefix(AgentExpression.longest))).value(register: { UInt64($0) }, memory: { UInt64($0) &+ UInt64($1) })
    }

    /// What a client can make grow is bounded by what it sends, and what comes out are whole packets.
    private static func check(_ session: DebugSession, _ target: InMemoryTarget, _ count: Int) {
        precondition(target.memory.count == 1024)
        var parser = PacketParser(limit: 2 * DebugSession.packetSize)
        let output = session.takeOutput()
        precondition(output.count <= (count + 64) * 8192, "\(output.count) bytes of output for \(count)")
        for byte in output { if let element = parser.take(byte) { precondition(element != .damaged, "a reply with a wrong checksum") } }
        precondition(!parser.isInPacket, "half a reply")
    }
}
