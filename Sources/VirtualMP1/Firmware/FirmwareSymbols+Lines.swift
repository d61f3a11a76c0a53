// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import SourceLines

/// Lines of the firmware's sources, where it has debugging information.
extension FirmwareSymbols {
    public func frameRule(at address: UInt32) -> FrameRule? { usesFrameRules ? lines.frameRule(at: address) : nil }

    /// `common/rpmsg.c:110 in announce, inlined at common/rpmsg.c:196` for an instruction; nil where nothing is said.
    public func source(at address: UInt32) -> String? {
        let frames = lines.frames(at: address).prefix(Self.mostInlined)
        guard frames.contains(where: { $0.place != nil }) else { return nil }
        return frames.map { frame in
            let place = frame.place.map { "\($0)" } ?? "a place without a line"
            return frame.isInlined ? "\(place) in \(frame.function ?? "a function without a name")" : place
        }.joined(separator: ", inlined at ")
    }
    private static let mostInlined = 16

    /// `main+0x12, main.c:40` for an address in a function.
    public func nameAndSource(at address: UInt32) -> String? {
        name(at: address).map { name in source(at: address).map { "\(name), \($0)" } ?? name }
    }

    /// `main+0x12 (ADDRESS, main.c:40)`: where `caller` goes on, and the line of its call.
    public func place(of caller: CallChain.Caller) -> String { place(caller.address, in: caller.place) }

    /// The functions under way as a debugger lists them, a line each with a number; what is inlined is a function, too. Empty where no line is known.
    ///
    /// - Parameter address: of the innermost instruction.
    public func backtrace(_ address: UInt32, _ chain: CallChain) -> [String] {
        var texts: [String] = [], knowsAny = false
        func add(_ place: UInt32, _ interruptedBy: String?) {
            let frames = lines.frames(at: place)
            for (index, frame) in frames.enumerated() {
                knowsAny = knowsAny || frame.place != nil
                let name = frame.function ?? functionName(at: place) ?? hex32(place)
                texts.append((index == 0 ? interruptedBy ?? "" : "") + name + (frame.place.map { " at \($0)" } ?? "") + (frame.isInlined ? ", inlined" : ""))
            }
            if frames.isEmpty { texts.append((interruptedBy ?? "") + (functionName(at: place) ?? hex32(place))) }
        }
        add(address, nil)
        for caller in chain.callers.prefix(Self.mostListed) { add(caller.place, caller.interruptedBy.map { "\($0) interrupted " }) }
        return knowsAny ? texts.enumerated().map { "#\($0.offset)\($0.offset < 10 ? " " : "") \($0.element)" } : []
    }
    private static let mostListed = 32

    /// The device addresses, without the Thumb bit, where a run that is to stop at `text` stops: as `location`, or `FILE:LINE`, or the name of a function as its
    /// sources have it, with the namespaces and types around it or some of them.
    public func locations(_ text: String) -> Result<[UInt32], LocationError> {
        if let colon = text.lastIndex(of: ":"), let line = Int(text[text.index(after: colon)...]), line > 0, !text[..<colon].hasSuffix(":"), colon > text.startIndex {
            return lines.addresses(file: String(text[..<colon]), line: line).mapError { .source(text, $0) }
        }
        let symbol = location(text).map { [$0.address & ~1] }
        switch symbol {
        case .failure(.unknown), .failure(.noSymbols):
            let found = lines.addresses(ofFunction: text)
            return found.isEmpty ? symbol : .success(found)
        default: return symbol
        }
    }
}
