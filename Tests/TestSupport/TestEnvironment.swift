// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation

/// Where a test finds what it needs: this package, the samples, programs, and what was asked for by environment variables.
public enum TestEnvironment {
    public struct Missing: Error, CustomStringConvertible {
        let path: String
        public var description: String { "\(path) is not there: 'make firmware' builds the samples" }
    }

    /// The package's folder.
    public static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Where scripts/build-firmware puts the samples, or what M4RUN_FIRMWARE says.
    public static let samples = variable("M4RUN_FIRMWARE").map { URL(fileURLWithPath: $0) } ?? package.appendingPathComponent(".build/firmware")

    /// A sample's ELF file.
    public static func sample(_ name: String) throws -> [UInt8] {
        let path = samples.appendingPathComponent(name + ".elf").path
        guard let data = FileManager.default.contents(atPath: path) else { throw Missing(path: path) }
        return [UInt8](data)
    }

    /// The file of a program that the shell would find; nil when it is not installed.
    public static func program(_ name: String) -> String? {
        (variable("PATH") ?? "").split(separator: ":").map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    public static func variable(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }
    /// A number of rounds, a seed: what a variable says, nil when it is not set or says no number.
    public static func number(_ name: String) -> UInt64? { variable(name).flatMap { UInt64($0) } }
}
