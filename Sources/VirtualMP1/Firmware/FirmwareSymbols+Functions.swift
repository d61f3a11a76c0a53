// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import M4Board
import MachineBase

/// Where functions begin and end, for call chains.
extension FirmwareSymbols: FunctionMap {
    /// Longer code without a size is not taken for one function.
    private static let longestUnsized: UInt32 = 0x1_0000

    public func function(at address: UInt32) -> FunctionExtent? {
        guard let symbol = functionSymbol(at: address) else { return nil }
        // GCC puts what is seldom executed elsewhere: its first instruction is not where calls enter.
        if let cold = symbol.name.firstRange(of: ".cold") {
            let parents = functions(named: String(symbol.name[..<cold.lowerBound]))
            return parents.count == 1 ? extent(of: parents[0]) : nil
        }
        return extent(of: symbol)
    }

    private func extent(of symbol: Symbol) -> FunctionExtent {
        var ranges = [range(of: symbol)]
        // Of two static functions of one name, nobody knows whose the part is.
        if functions(named: symbol.name).count == 1 {
            ranges += symbols.lazy.filter { $0.kind == .function && $0.name.hasPrefix(symbol.name + ".cold") }.prefix(8).map(range(of:))
        }
        return FunctionExtent(start: symbol.address, ranges: ranges)
    }

    private func range(of symbol: Symbol) -> Range<UInt32> {
        let begin = symbol.address
        if symbol.size > 0 { return begin..<max(begin, begin.addingReportingOverflow(symbol.size).overflow ? .max : begin &+ symbol.size) }
        let next = symbols.first { $0.kind == Symbol.Kind.function && $0.address > begin }?.address ?? .max
        return begin..<(begin &+ min(next &- begin, Self.longestUnsized, UInt32.max &- begin))
    }

    /// Each address once, for aliases are one function; two at most, which is all that anybody asks.
    private func functions(named name: String) -> [Symbol] {
        var found: [Symbol] = []
        // By address: an alias of the same name is the neighbour.
        for symbol in symbols where symbol.kind == .function && symbol.name == name && found.last?.address != symbol.address {
            found.append(symbol)
            if found.count > 1 { break }
        }
        return found
    }

    /// `main+0x12 (ADDRESS)`: where `caller` goes on, in the function whose call or interrupted instruction it is.
    public func name(of caller: CallChain.Caller) -> String {
        symbol(of: caller).map { "\($0) (\(hex32(caller.address)))" } ?? hex32(caller.address)
    }

    /// `main+0x12 (ADDRESS, main.c:40)`, as much of it as is known.
    public func place(_ address: UInt32) -> String { place(address, in: address) }

    func place(_ address: UInt32, in instruction: UInt32) -> String {
        let source = source(at: instruction)
        guard let symbol = symbol(of: address, in: instruction) else { return hex32(address) + (source.map { " (\($0))" } ?? "") }
        return "\(symbol) (\(hex32(address))\(source.map { ", \($0)" } ?? ""))"
    }

    /// `main+0x12` for `address`, counted from the function that has `instruction`: a call that ends a function returns behind it.
    func symbol(of address: UInt32, in instruction: UInt32) -> String? {
        guard let function = functionSymbol(at: instruction) else { return nil }
        let offset = address &- function.address, name = ForeignText.line(function.name)
        return offset == 0 ? name : "\(name)+0x\(String(offset, radix: 16))"
    }
    public func symbol(of caller: CallChain.Caller) -> String? { symbol(of: caller.address, in: caller.place) }
}

extension MP1System {
    /// Who called the code that had `registers`; the core's as they are now unless others are given. Memory must be as it was then.
    public func callChain(of registers: CoreRegisters? = nil, history: [UInt32]? = nil, _ symbols: FirmwareSymbols) -> CallChain {
        board.callChain(of: registers ?? board.core.registers, history: history ?? board.core.history, functions: symbols)
    }
}
