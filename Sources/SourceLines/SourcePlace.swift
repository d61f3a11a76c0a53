// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A line of a source file, as the compiler has recorded it; both names are fit for a terminal.
public struct SourcePlace: Hashable, Sendable, CustomStringConvertible {
    /// With the folder that it was compiled in, where it is below that.
    public var file: String
    /// The file as it was given to the compiler: without that folder.
    public var shortFile: String
    /// Counted from 1.
    public var line: Int

    public init(file: String, shortFile: String, line: Int) { (self.file, self.shortFile, self.line) = (file, shortFile, line) }

    public var description: String { "\(shortFile):\(line)" }
}

/// A function under way at an instruction, and its line: the innermost is the one that the instruction was written in, the others have it inlined.
public struct SourceFrame: Hashable, Sendable {
    /// With the namespaces and types that it is in, `Pump::start`, without parameters; nil where it is not said.
    public var function: String?
    /// nil for code that the compiler has added, and what is not said.
    public var place: SourcePlace?
    /// Its code is a part of the next frame's function.
    public var isInlined: Bool

    public init(function: String?, place: SourcePlace?, isInlined: Bool) { (self.function, self.place, self.isInlined) = (function, place, isInlined) }
}

/// Where a member lies in its structure. Both in bytes.
public struct StructureMember: Hashable, Sendable {
    public var offset: UInt32
    /// 0 when unknown.
    public var size: UInt32
}

/// Where the caller's registers are at an instruction. Source: DWARF 5, 6.4.
public struct FrameRule: Hashable, Sendable {
    /// What a register held at the function's entry.
    public enum Value: Hashable, Sendable {
        /// It is lost, or where it is cannot be said by a distance.
        case unknown
        /// Still in the register.
        case same
        /// In the word so many bytes from the frame's address.
        case saved(Int32)
        /// The frame's address and so many bytes.
        case address(Int32)
        /// In that register.
        case register(Int)
    }
    /// Instructions that it holds for.
    public var range: Range<UInt32>
    /// The frame's address (CFA) is what that register holds and so many bytes.
    public var base: Int
    public var offset: Int32
    /// R0 to R12, SP, LR.
    public var registers: [Value]
    /// Number of the register that has the return address.
    public var returnRegister: Int

    public init(range: Range<UInt32>, base: Int, offset: Int32, registers: [Value], returnRegister: Int) {
        (self.range, self.base, self.offset, self.registers, self.returnRegister) = (range, base, offset, registers, returnRegister)
    }
}

/// Why there is no code of a place in the sources.
public enum SourceSearchError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is no debugging information, or it cannot be read: why.
    case nothingRead(String)
    case noFile(String, similar: [String])
    /// `next`: the nearest line behind it that has code.
    case noCode(file: String, line: Int, next: Int?)

    public var description: String {
        switch self {
        case .nothingRead(let why): why
        case .noFile(let file, let similar): "no code of a file \(file) is in the image" + (similar.isEmpty ? "" : "; near: \(similar.joined(separator: ", "))")
        case .noCode(let file, let line, let next): "line \(line) of \(file) has no code" + (next.map { "; the next that has is \($0)" } ?? "")
        }
    }
}
