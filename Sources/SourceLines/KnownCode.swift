// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32

/// Where a file has code: what debugging information says of anything else is not believed.
///
/// Functions that a linker has dropped (`--gc-sections`) stay in the debugging information, at address 0. There a range counts where symbols say that
/// functions are: it begins with one, and ends with one.
struct KnownCode {
    private var sections: [Range<UInt32>] = []
    private var starts: Set<UInt32> = []
    private var ends: Set<UInt32> = []

    /// What the linkers put in the place of an address of what they have dropped.
    static let dropped: UInt32 = 0
    /// Between the end of a function and that of its section.
    private static let mostPadding: UInt32 = 3

    init(_ file: ELFFile) {
        /// SHT_PROGBITS; SHF_ALLOC and SHF_EXECINSTR.
        let hasBytes: UInt32 = 1, isCode: UInt32 = 6
        sections = file.sectionHeaders.filter { $0.type == hasBytes && $0.flags & isCode == isCode && $0.size > 0 }
            .compactMap { header in
                let (end, overflow) = header.address.addingReportingOverflow(header.size)
                return overflow ? nil : header.address..<end
            }
        guard contains(Self.dropped) else { return }
        for symbol in file.symbols where symbol.kind == .function && symbol.isDefined && symbol.size > 0 {
            starts.insert(symbol.address)
            ends.insert(symbol.address &+ symbol.size)
        }
    }

    func contains(_ address: UInt32) -> Bool { sections.contains { $0.contains(address) } }

    /// - Parameter isPart: of a function that is believed: it need not end where a symbol's does.
    func believes(_ start: UInt32, _ end: UInt32, isPart: Bool = false) -> Bool {
        guard start < end, let section = sections.first(where: { $0.contains(start) }), end <= section.upperBound else { return false }
        guard start == Self.dropped, !isPart else { return true }
        return starts.contains(start) && (0...Self.mostPadding).contains { ends.contains(end &- $0) }
    }
}
