// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import Synchronization

/// What debugging information (DWARF 2 to 5) says of a firmware's code and types: lines, functions, what is inlined, structures, call frames.
///
/// Nothing is read, and libdw is not loaded, before the first question; answers are kept. Any thread may ask. Addresses are device addresses without the
/// Thumb bit. Damaged information answers less, and takes bounded time; what a linker has left of dropped functions at address 0 is not believed.
public final class SourceLines: Sendable {
    private let files: [ELFFile]
    private let state = Mutex(State())

    private struct State {
        /// nil before the first question.
        var files: [DebugFile]?
        var problem: String?
        var frames: [UInt32: [SourceFrame]] = [:]
    }

    /// Answers that are kept of different addresses.
    private static let mostKept = 4096

    /// Of these files; where several have code at an address, the first that has answers.
    public init(_ files: [ELFFile]) { self.files = files }

    /// Those of nothing.
    public static let none = SourceLines([])

    private func with<Value: Sendable>(_ body: (inout State, [DebugFile]) -> Value) -> Value {
        state.withLock { state in
            if let opened = state.files { return body(&state, opened) }
            var problem: String?
            let opened = files.compactMap { DebugFile($0, reason: &problem) }
            (state.files, state.problem) = (opened, problem)
            return body(&state, opened)
        }
    }

    /// Why debugging information that is there is not read; nil where nothing is wrong, or there is none.
    public var problem: String? { with { state, _ in state.problem } }

    /// There is debugging information, and it can be read.
    public var isThere: Bool { with { _, files in !files.isEmpty } }

    // MARK: Addresses

    /// The functions under way at an instruction, innermost first: what is inlined, then the function itself. Empty where nothing is known.
    public func frames(at address: UInt32) -> [SourceFrame] {
        with { state, files in
            if let known = state.frames[address] { return known }
            let found = files.lazy.map { $0.frames(at: address & ~1) }.first { !$0.isEmpty } ?? []
            if state.frames.count >= Self.mostKept { state.frames = [:] }
            state.frames[address] = found
            return found
        }
    }

    /// The line that an instruction was made of.
    public func place(at address: UInt32) -> SourcePlace? { frames(at: address).first?.place }

    /// Where the caller's registers are at an instruction; nil where that is not said.
    public func frameRule(at address: UInt32) -> FrameRule? { with { _, files in files.lazy.compactMap { $0.frameRule(at: address & ~1) }.first } }

    // MARK: Types

    /// Where `member` of C's `struct` (its tag, or a typedef of it) lies: `memberOffset(struct: "tskTaskControlBlock", member: "pcTaskName")`.
    public func memberOffset(struct structure: String, member: String) -> (offset: UInt32, size: UInt32)? {
        with { _, files in files.lazy.compactMap { $0.structure(structure)?.members[member] }.first }.map { ($0.offset, $0.size) }
    }

    /// Its size in bytes.
    public func size(ofStruct structure: String) -> UInt32? { with { _, files in files.lazy.compactMap { $0.structure(structure)?.size }.first } }

    // MARK: Names

    /// Where a function begins, and every place where it is inlined, ascending. `name` is its name, with as many of the namespaces and types around it as
    /// tell it from others: `Pump::start` is `plant::Pump::start`, too.
    public func addresses(ofFunction name: String) -> [UInt32] {
        with { _, files in
            var found: Set<UInt32> = []
            for file in files {
                for unit in file.allFunctions {
                    for code in unit.code where file.name(ofEntry: code.entry).map({ Self.isNamed($0, name) }) == true {
                        found.insert(code.start)
                    }
                }
            }
            return found.sorted()
        }
    }

    private static func isNamed(_ full: String, _ name: String) -> Bool { full == name || full.hasSuffix("::" + name) }

    /// Where the code of a line begins: in each function that has some of it, and each place where that is inlined, once; ascending.
    ///
    /// - Parameter file: a path or its last parts, as `main.c` or `Core/Src/main.c`.
    public func addresses(file: String, line: Int) -> Result<[UInt32], SourceSearchError> {
        let answer: Answer = with { state, files in
            guard !files.isEmpty else { return .failure(.nothingRead(state.problem ?? "the image has no debugging information")) }
            var search = LineSearch(file: file, line: line)
            for opened in files { search.look(in: opened) }
            return search.result
        }
        return answer
    }
    private typealias Answer = Result<[UInt32], SourceSearchError>
}
