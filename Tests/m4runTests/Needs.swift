// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import TestSupport
import Testing

/// What some tests need beside the toolchain. Without it they are skipped, and the report says what to install.
enum Tool: String, CaseIterable {
    case arm, busybox, dtc, fish, fuse, gdb, man, mandoc, objdump, python, reuse, softhsm, strace, zsh

    /// The program's file; nil when it is not installed. FUSE has none for root.
    var file: String? {
        switch self {
        case .busybox, .dtc, .fish, .man, .mandoc, .reuse, .strace, .zsh: TestEnvironment.program(rawValue)
        case .fuse: TestEnvironment.program("fusermount3")
        case .arm: TestEnvironment.program("arm-none-eabi-g++")
        case .gdb: TestEnvironment.program("gdb-multiarch")
        case .objdump: TestEnvironment.program("arm-none-eabi-objdump")
        case .python: TestEnvironment.program("python3")
        case .softhsm: TestEnvironment.program("softhsm2-util")
        }
    }

    var isHere: Bool { self == .fuse ? Self.mounts : file != nil }

    var advice: String {
        switch self {
        case .busybox, .dtc, .fish, .gdb, .man, .mandoc, .reuse, .softhsm, .strace, .zsh: "needs \(self == .gdb ? "gdb-multiarch" : rawValue): scripts/setup \(rawValue)"
        case .arm: "needs arm-none-eabi-g++: scripts/setup arm"
        case .objdump: "needs arm-none-eabi-objdump: scripts/setup objdump"
        case .fuse: "needs a /dev/fuse that this user may open" + (geteuid() == 0 ? "" : ", and fusermount3: scripts/setup fuse")
        case .python: "needs python3: scripts/setup"
        }
    }

    /// Whether a run can mount its control files here. A run says so before the firmware's devices are there.
    private static let mounts: Bool = {
        guard let run = try? ServedRun("--control", "$DIR"), (try? run.wait(for: "dev/ttyRPMSG0")) != nil else { return false }
        return FileManager.default.fileExists(atPath: run.path("sys/class/remoteproc/remoteproc0/state"))
    }()
}

extension Trait where Self == ConditionTrait {
    /// Skips the test, by name and with what to install, where a tool is missing.
    static func needs(_ tool: Tool) -> Self { .enabled(if: tool.isHere, Comment(rawValue: tool.advice)) }

    /// Skips the test where the engine is the system's libunicorn 2.0.
    static var needsEngine21: Self { .enabled("needs the engine of engine/, not the system's") { try !Command.hasEngine20() } }
}
