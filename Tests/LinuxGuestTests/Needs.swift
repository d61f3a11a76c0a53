// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import LinuxGuest
import RprocHost
import TestSupport
import Testing

/// What a guest needs beside the toolchain: QEMU, its plugin, and Debian's packages. Without them a test is skipped, and the report says what brings them.
enum Guests {
    static let plugin = TestEnvironment.package.path + "/.build/linux-bridge.so"

    static func folder(_ suite: String) -> String { "\(TestEnvironment.package.path)/.deps/linux/\(suite)" }
    /// A guest of a suite, with the built-in coprocessor.
    static func configuration(_ suite: String, script: String? = nil) throws -> GuestConfiguration {
        var result = GuestConfiguration(files: try GuestFiles(folder: folder(suite)), coprocessor: HostConfiguration(bootSequence: .elf), plugin: plugin)
        result.script = script
        return result
    }
    static let hasQEMU = TestEnvironment.program("qemu-system-arm") != nil
    static func isFetched(_ suite: String) -> Bool { (try? GuestFiles(folder: folder(suite))) != nil }
}

extension Trait where Self == ConditionTrait {
    static var needsQEMU: Self { .enabled(if: Guests.hasQEMU, "needs qemu-system-arm: scripts/setup qemu") }
    static var needsBridge: Self {
        .enabled(if: FileManager.default.isReadableFile(atPath: Guests.plugin), "needs .build/linux-bridge.so: make linux-bridge")
    }
    static func needsLinux(_ suite: String) -> Self {
        .enabled(if: Guests.isFetched(suite), "needs Debian's kernel of \(suite): scripts/fetch-linux \(suite)")
    }
}
