// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board

/// What kind of core the client is to expect.
public struct TargetFeatures: Equatable, Sendable {
    /// GDB's name of the architecture. A name that it does not know makes it drop all of the description.
    public var architecture: String
    /// D0 to D15 and FPSCR.
    public var hasFloatingPoint: Bool
    public init(architecture: String = "armv7e-m", hasFloatingPoint: Bool = true) {
        (self.architecture, self.hasFloatingPoint) = (architecture, hasFloatingPoint)
    }
}

/// The registers by the protocol's numbers, and their description for the client.
///
/// Numbers are those of OpenOCD and QEMU as far as these agree: R0 to R15, 25 for xPSR, the others behind. Source: GDB manual, appendix G.5.3, "ARM Features"; `org.gnu.gdb.arm.m-system`
/// has MSP and PSP, without which GDB cannot unwind an exception's frame.
public struct TargetDescription: Sendable {
    struct Entry: Sendable {
        let number: Int, name: String, bits: Int, type: String
        let register: DebugRegister
        var count: Int { bits / 8 }
    }
    struct Feature: Sendable {
        let name: String
        let entries: [Entry]
    }
    let architecture: String
    let features: [Feature]
    /// All of them, by number: the order of `g`.
    let registers: [Entry]

    public init(_ target: TargetFeatures) {
        architecture = target.architecture
        var next = 26
        func entry(_ name: String, _ register: DebugRegister, bits: Int = 32, type: String = "uint32") -> Entry {
            defer { next += 1 }
            return Entry(number: next, name: name, bits: bits, type: type, register: register)
        }
        let names = (0..<13).map { "r\($0)" } + ["sp", "lr", "pc"]
        var profile = names.enumerated().map { number, name in
            Entry(number: number, name: name, bits: 32, type: number == 13 ? "data_ptr" : number == 15 ? "code_ptr" : "int", register: .r(number))
        }
        profile.append(Entry(number: 25, name: "xpsr", bits: 32, type: "int", register: .xpsr))
        var features = [Feature(name: "org.gnu.gdb.arm.m-profile", entries: profile)]
        if target.hasFloatingPoint {
            let doubles = (0..<16).map { entry("d\($0)", .d($0), bits: 64, type: "ieee_double") }
            features.append(Feature(name: "org.gnu.gdb.arm.vfp", entries: doubles + [entry("fpscr", .fpscr, type: "int")]))
        }
        features.append(
            Feature(
                name: "org.gnu.gdb.arm.m-system",
                entries: [
                    entry("msp", .msp, type: "data_ptr"), entry("psp", .psp, type: "data_ptr"), entry("primask", .primask),
                    entry("basepri", .basepri), entry("faultmask", .faultmask), entry("control", .control),
                ]))
        self.features = features
        registers = features.flatMap(\.entries).sorted { $0.number < $1.number }
    }

    func register(_ number: UInt64) -> Entry? { registers.first { UInt64($0.number) == number } }

    /// The document `target.xml`.
    public var xml: String {
        var lines = ["<?xml version=\"1.0\"?>", "<!DOCTYPE target SYSTEM \"gdb-target.dtd\">", "<target version=\"1.0\">", "<architecture>\(architecture)</architecture>"]
        for feature in features {
            lines.append("<feature name=\"\(feature.name)\">")
            for entry in feature.entries {
                let group = feature.name.hasSuffix(".m-system") ? " group=\"system\"" : feature.name.hasSuffix(".vfp") ? " group=\"float\"" : ""
                lines.append("<reg name=\"\(entry.name)\" bitsize=\"\(entry.bits)\" regnum=\"\(entry.number)\" type=\"\(entry.type)\"\(group)/>")
            }
            lines.append("</feature>")
        }
        lines.append("</target>")
        return lines.joined(separator: "\n") + "\n"
    }
}
