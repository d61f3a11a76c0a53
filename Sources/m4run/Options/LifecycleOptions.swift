// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import FoundationEssentials
import Glibc
import ImageFormat
import MachineBase
import RprocHost
import VirtualMP1

/// A kernel whose differences are known, by its version.
struct Kernel: ExpressibleByArgument {
    let profile: KernelProfile

    init?(argument: String) {
        guard Self.allValueStrings.contains(argument), let named = KernelProfile.Named(rawValue: argument) else { return nil }
        profile = named.profile
    }
    static var allValueStrings: [String] { KernelProfile.Named.allCases.map(\.rawValue).filter { !$0.hasPrefix(OpenSTLinux.prefix) } }
    static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}

/// ST's distribution, by the first number of its version.
struct OpenSTLinux: ExpressibleByArgument {
    static let prefix = "OpenSTLinux "
    let profile: KernelProfile

    init?(argument: String) {
        guard let named = KernelProfile.Named(rawValue: Self.prefix + argument) else { return nil }
        profile = named.profile
    }
    static var allValueStrings: [String] { KernelProfile.Named.allCases.map(\.rawValue).filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) } }
    static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}

/// Options about the remote processor's life: which kernel, who starts it, and what becomes of a crash.
struct LifecycleOptions: ParsableArguments {
    @Option(help: "The kernel whose ways and words Linux has: newest (the default), 6.12, 6.6, 6.1, 5.15.") var kernel: Kernel?
    @Option(help: "The same by ST's distribution: 4 (kernel 5.15), 5 (6.1), 6 (6.6), with ST's remoteproc driver.") var openstlinux: OpenSTLinux?
    @Flag(help: "The boot loader has started the firmware (an ELF); Linux attaches to it, and detaches at the end. For --boot elf.")
    var attach = false
    @Option(
        help: ArgumentHelp(
            "Report faults and lockups to Linux as crashes, and go on after its recovery, for at most this many crashes, watchdog resets included. In a served run with 'disabled' in the control file recovery, the state stays crashed until 'recover' is written there.",
            valueName: "count"))
    var recover: UInt32?
    @Option(
        help: ArgumentHelp("Write the core dump of the first crash, or of the fault that ends the run, to this file.", valueName: "file"),
        completion: .file())
    var coredump: String?
    @Flag(help: "With --coredump: exactly what the kernel writes, without registers, and 0xFF for memory that Linux cannot reach.")
    var coredumpPlain = false

    func validate() throws {
        if coredump == "" { throw ValidationError("--coredump needs a file name") }
        if coredumpPlain && coredump == nil {
            throw ValidationError("--coredump-plain goes with --coredump; what --control has under sys/class/devcoredump is the kernel's own in any case")
        }
        if kernel != nil && openstlinux != nil { throw ValidationError("--kernel and --openstlinux exclude each other") }
    }

    func configure(_ configuration: inout SystemConfiguration, _ image: FirmwareImage) {
        configuration.linux.kernel = openstlinux?.profile ?? kernel?.profile ?? .newest
        configuration.recoveryLimit = recover
        configuration.coredumpHasRegisters = !coredumpPlain
        if coredump != nil { configuration.linux.coredump = .enabled }
        if attach { configuration.bootLoaderFirmware = image }
    }

    /// Starts the image, or attaches to it.
    func begin(_ system: MP1System, _ image: FirmwareImage, name: String) throws(SystemError) {
        if attach { try system.attach() } else { try system.start(image, name: name) }
    }

    /// As a user would end it.
    func end(_ system: MP1System) throws(SystemError) {
        if attach && system.linux.state == .attached { try system.detach() } else { try system.stop() }
    }
}

/// The file of `--coredump`: the first dump, as devcoredump keeps the first and drops what comes while it is there.
final class CoredumpFile {
    private let path: String
    private(set) var isWritten = false
    /// Why it could not be written.
    private(set) var problem: String?

    /// - Throws: `UsageError` where no file can be made.
    init(_ path: String) throws {
        self.path = path
        let url = URL(fileURLWithPath: path), folder = url.deletingLastPathComponent().path
        var isFolder: Bool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
            if isFolder { throw UsageError("--coredump \(path): a folder, not a file") }
            if !FileManager.default.isWritableFile(atPath: path) { throw UsageError("--coredump \(path): may not be written") }
            return
        }
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder else {
            throw UsageError("--coredump \(path): there is no folder \(folder)")
        }
        if !FileManager.default.isWritableFile(atPath: folder) { throw UsageError("--coredump \(path): the folder may not be written to") }
    }

    func write(_ image: [UInt8]) {
        guard !isWritten, problem == nil, !image.isEmpty else { return }
        do {
            try InputFile.write(image, to: path)
            isWritten = true
            Console.note("m4run: core dump (\(image.count) bytes) in \(path)")
        } catch { problem = "\(error)" }
    }
}
