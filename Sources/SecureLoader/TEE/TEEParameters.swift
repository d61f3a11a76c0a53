// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// One of the four parameters of a TEE call, with its direction. Source: GlobalPlatform TEE Internal Core API §4.4.
public enum TEEParameter: Sendable {
    case none
    case valueInput(a: UInt32, b: UInt32 = 0)
    case valueOutput(a: UInt32 = 0, b: UInt32 = 0)
    case valueInOut(a: UInt32, b: UInt32)
    /// Memory of the caller, which the caller may change at any time.
    case memoryInput(any SharedMemory)
    case memoryOutput(any SharedMemory)
    case memoryInOut(any SharedMemory)

    /// TEE_PARAM_TYPE_…: the nibble that stands for the parameter in a parameter type word.
    public var type: UInt32 {
        switch self {
        case .none: 0
        case .valueInput: 1
        case .valueOutput: 2
        case .valueInOut: 3
        case .memoryInput: 5
        case .memoryOutput: 6
        case .memoryInOut: 7
        }
    }
}

/// The four parameters of a TEE call.
public struct TEEParameters: Sendable {
    public var p0, p1, p2, p3: TEEParameter

    public init(
        _ p0: TEEParameter = .none, _ p1: TEEParameter = .none, _ p2: TEEParameter = .none, _ p3: TEEParameter = .none
    ) {
        self.p0 = p0; self.p1 = p1; self.p2 = p2; self.p3 = p3
    }

    /// The parameter type word: one nibble a parameter, the first lowest.
    public var types: UInt32 { p0.type | p1.type << 4 | p2.type << 8 | p3.type << 12 }
}

extension TEEParameter {
    /// A value parameter's two words; zeros for any other, which a check of the types has ruled out.
    public var value: (a: UInt32, b: UInt32) {
        switch self {
        case .valueInput(let a, let b), .valueOutput(let a, let b), .valueInOut(let a, let b): (a, b)
        default: (0, 0)
        }
    }

    /// A memory parameter's memory; empty for any other.
    var memory: any SharedMemory {
        switch self {
        case .memoryInput(let memory), .memoryOutput(let memory), .memoryInOut(let memory): memory
        default: ImageBuffer([])
        }
    }
}

extension TEEParameters {
    /// What a command declares: its types, to compare with ``types``.
    static func types(_ types: UInt32...) -> UInt32 {
        types.enumerated().reduce(0) { $0 | $1.element << UInt32($1.offset * 4) }
    }
    static let noType: UInt32 = 0, valueIn: UInt32 = 1, valueOut: UInt32 = 2, memoryIn: UInt32 = 5
}
