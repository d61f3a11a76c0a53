// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import M4Board
import RTOSThreads
import SourceLines

extension M4Board: RTOSMemory {}

/// What a firmware image tells of its RTOS.
public struct FirmwareProgram: RTOSProgram {
    private let symbols: FirmwareSymbols
    private let lines: SourceLines?

    /// Without debugging information.
    public init(_ symbols: FirmwareSymbols) { (self.symbols, lines) = (symbols, nil) }
    /// With the image's debugging information, which is read when a structure is first asked for.
    public init(_ image: FirmwareImage) { (symbols, lines) = (FirmwareSymbols(of: image), image.lines) }

    public func symbol(_ name: String) -> (address: UInt32, size: UInt32)? {
        // Statics of several files may have one name: one alone is certain.
        symbols[name].map { ($0.kind == .function ? $0.address & ~1 : $0.address, $0.size) }
    }
    public func member(_ member: String, of structure: String) -> (offset: UInt32, size: UInt32)? { lines?.memberOffset(struct: structure, member: member) }
    public func size(of structure: String) -> UInt32? { lines?.size(ofStruct: structure) }
    public func object(at address: UInt32) -> String? { symbols.object(at: address) }
}
