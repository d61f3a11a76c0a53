// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// The MPU's registers: eight PMSAv7 regions. Source: ARMv7-M ARM, B3.5.
public struct MemoryProtection: Equatable, Sendable {
    public static let regions = 8
    public struct Region: Equatable, Sendable {
        /// RBAR.ADDR, its low five bits clear.
        public var base: UInt32 = 0
        /// RASR.
        public var attributes: UInt32 = 0
    }
    public internal(set) var control: UInt32 = 0
    public internal(set) var number: UInt32 = 0
    public internal(set) var region = [Region](repeating: Region(), count: regions)

    public init() {}
    public var isOn: Bool { control & 1 != 0 }
    static let type: UInt32 = UInt32(regions) << 8

    func read(_ offset: UInt32) -> UInt32 {
        switch offset {
        case 0xD90: Self.type
        case 0xD94: control
        case 0xD98: number
        case 0xD9C, 0xDA4, 0xDAC, 0xDB4: region[Int(number)].base | number
        case 0xDA0, 0xDA8, 0xDB0, 0xDB8: region[Int(number)].attributes
        default: 0
        }
    }

    mutating func write(_ offset: UInt32, _ value: UInt32) {
        switch offset {
        case 0xD94: control = value & 7
        case 0xD98: number = value & UInt32(Self.regions - 1)
        case 0xD9C, 0xDA4, 0xDAC, 0xDB4:
            if value & 0x10 != 0 { number = value & UInt32(Self.regions - 1) }
            region[Int(number)].base = value & ~0x1F
        case 0xDA0, 0xDA8, 0xDB0, 0xDB8: region[Int(number)].attributes = value & 0x173F_FF3F
        default: break
        }
    }
}
