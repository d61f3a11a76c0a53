// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What of a block changes besides its registers, as one value.
protocol BlockState: Equatable, Sendable {}

/// Of a block all of whose state is in its registers.
struct NoState: BlockState {}

/// A block's state, of whichever block.
struct AnyBlockState: Equatable, Sendable {
    let value: any BlockState

    init(_ value: any BlockState) { self.value = value }

    static func == (one: AnyBlockState, other: AnyBlockState) -> Bool { isEqual(one.value, other.value) }

    private static func isEqual<One: BlockState>(_ one: One, _ other: any BlockState) -> Bool { one == other as? One }
}
