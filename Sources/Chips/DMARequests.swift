// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// The inputs of a chip's DMA request multiplexer: which block's request each is.
public struct DMARequests: Equatable, Sendable {
    /// By number; empty where nothing is connected.
    private let names: [String]

    /// - Parameter names: of requests, as `TIM2_UP`, from a number on.
    public init(_ names: [Int: [String]]) {
        let count = names.map { $0.key + $0.value.count }.max() ?? 0
        var all = [String](repeating: "", count: max(0, min(count, 256)))
        for (first, list) in names {
            for (place, name) in list.enumerated() where all.indices.contains(first + place) { all[first + place] = name }
        }
        self.names = all
    }

    /// `TIM2_UP`; nil for inputs without a source.
    public func name(_ number: Int) -> String? { names.indices.contains(number) && !names[number].isEmpty ? names[number] : nil }

    /// The block behind it, by the reference manual's name: `TIM2`.
    public func block(_ number: Int) -> String? { name(number).flatMap { $0.split(separator: "_").first.map(String.init) } }

    /// The input of this request; nil where the chip has none.
    public func number(of name: String) -> Int? { name.isEmpty ? nil : names.firstIndex(of: name) }
}
