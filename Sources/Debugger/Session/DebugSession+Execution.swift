// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board

// Going on, and where to stop.
extension DebugSession {
    /// `c`, `s`, `C`, `S`: with a signal, which a core has none of, and perhaps another address.
    func resume(_ action: UInt8, _ reader: inout PacketReader, hasSignal: Bool) -> Reply {
        if hasSignal {
            guard reader.number() != nil else { return .error(.invalid) }
            _ = reader.take(";")
        }
        if !reader.isAtEnd {
            guard let address = reader.address() else { return .error(.invalid) }
            guard target.isHalted else { return .error(.busy) }
            if target.setRegister(.r(15), to: UInt64(address)) { hasSteppedAlready = false }
        }
        return go(action == UInt8(ascii: "s") ? .step : .run)
    }

    /// `vCont;`: the leftmost action for the thread that the core is in, or for all.
    func resume(_ reader: inout PacketReader) -> Reply {
        let current = target.threads.current
        var chosen: Resumption?, fallback: Resumption?
        var halts = false
        for _ in 0..<256 where !reader.isAtEnd {
            guard let action = reader.takeByte() else { break }
            let how: Resumption?
            switch action {
            case UInt8(ascii: "c"): how = .run
            case UInt8(ascii: "s"): how = .step
            case UInt8(ascii: "C"), UInt8(ascii: "S"):
                guard reader.number() != nil else { return .error(.invalid) }
                how = action == UInt8(ascii: "C") ? .run : .step
            case UInt8(ascii: "t"): how = nil
            case UInt8(ascii: "r"):
                guard let first = reader.address(), reader.take(","), let end = reader.address() else { return .error(.invalid) }
                // The end is not in it; an empty range is a step.
                how = end > first ? .stepInside(first...(end - 1)) : .step
            default: return .error(.invalid)
            }
            var isMine = true
            if reader.take(":") {
                guard let thread = threadNumber(&reader) else { return .error(.invalid) }
                isMine = thread == .any || thread == .one(current)
            }
            if !reader.isAtEnd, !reader.take(";") { return .error(.invalid) }
            if how == nil { halts = halts || isMine }
            if isMine, chosen == nil { chosen = how }
            fallback = fallback ?? how
        }
        if halts, chosen == nil {
            awaitsStop = true
            target.halt()
            return .none
        }
        guard let how = chosen ?? fallback else { return .error(.invalid) }
        return go(how)
    }

    private func go(_ how: Resumption) -> Reply {
        guard isAttached else { return .error(.busy) }
        if !target.isHalted {
            // `monitor resume` has let it run behind the client's back.
            if how == .run {
                awaitsStop = true
                return .none
            }
            target.halt()
        }
        if hasSteppedAlready, how != .run {
            // The step over a watched access, which has been done.
            hasSteppedAlready = false
            lastHalt = HaltReason(.trap)
            return .bytes(stopPacket(lastHalt))
        }
        hasSteppedAlready = false
        if stops.hasChanged {
            target.setStops(breakpoints: stops.breakpoints, watchpoints: stops.watchpoints)
            stops.isApplied()
        }
        awaitsStop = true
        target.resume(how)
        return .none
    }

    // MARK: Z and z

    func insertStop(_ reader: inout PacketReader) -> Reply {
        guard let place = place(&reader) else { return isUnknownKind(reader) ? .empty : .error(.invalid) }
        guard let conditions = conditions(&reader) else { return .error(.invalid) }
        let isBreakpoint = place.kind == .software || place.kind == .hardware
        if stops.places[place] == nil {
            let count = stops.places.count + 1
            guard target.accepts(breakpoints: isBreakpoint ? count : 0, watchpoints: isBreakpoint ? 0 : count) else { return isBreakpoint ? .error(.tooLong) : .empty }
            // An address where no instruction can be is a client's symbol of another program.
            if isBreakpoint, target.read(place.address, count: 2).count < 2 { return .error(.noMemory) }
        }
        stops.insert(place, isBreakpoint ? conditions : [])
        return .ok
    }

    func removeStop(_ reader: inout PacketReader) -> Reply {
        guard let place = place(&reader) else { return isUnknownKind(reader) ? .empty : .error(.invalid) }
        stops.remove(place)
        return .ok
    }

    private func isUnknownKind(_ reader: PacketReader) -> Bool { reader.next.map { $0 > UInt8(ascii: "4") } ?? false }

    private func place(_ reader: inout PacketReader) -> StopTable.Place? {
        guard let digit = reader.next, let kind = Hex.digit(digit).flatMap(StopTable.Kind.init) else { return nil }
        _ = reader.takeByte()
        guard reader.take(","), let address = reader.address(), reader.take(","), let count = reader.address() else { return nil }
        switch kind {
        // One place, whatever the client says of the instruction's size; bit 0 says Thumb.
        case .software, .hardware: return StopTable.Place(kind: kind, address: address & ~1, count: 2)
        default:
            guard count > 0 else { return nil }
            return StopTable.Place(kind: kind, address: address, count: count)
        }
    }

    /// `;X` length `,` code, again and again; what follows that is no condition is left.
    private func conditions(_ reader: inout PacketReader) -> [AgentExpression]? {
        var result: [AgentExpression] = []
        guard reader.take(";") else { return reader.isAtEnd ? [] : nil }
        while result.count < StopTable.mostConditions, reader.take("X") {
            guard let count = reader.number(), count <= UInt64(AgentExpression.longest), reader.take(",") else { return nil }
            let digits = reader.rest.prefix(Int(count) * 2)
            guard digits.count == Int(count) * 2, let code = Hex.bytes(digits) else { return nil }
            for _ in digits { _ = reader.takeByte() }
            result.append(AgentExpression(code))
            _ = reader.take(";")
        }
        return result
    }
}
