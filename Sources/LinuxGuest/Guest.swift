// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CLinuxBridge
import FoundationEssentials
import Glibc
import MachineBase

/// A Linux guest that can be started: its memories are there, and a board can be put beside them.
public final class Guest: Sendable {
    public let configuration: GuestConfiguration
    public let layout: GuestLayout
    public let memory: GuestMemory

    /// - Throws: `.layout` for a coprocessor that the guest's machine cannot have, `.program` where plugin or QEMU is missing, `.system`.
    public init(_ configuration: GuestConfiguration) throws(GuestError) {
        self.configuration = configuration
        layout = try GuestLayout(configuration.coprocessor)
        _ = try Self.program(configuration)
        guard !configuration.storesWait || FileManager.default.isReadableFile(atPath: configuration.plugin) else {
            throw .program(configuration.plugin, advice: "make linux-bridge builds it")
        }
        memory = try GuestMemory(layout)
    }

    /// Starts QEMU. From the guest's first store to a register on it waits for whoever acts on `memory.page`.
    /// - Throws: `.qemu` with what QEMU said, `.files`, `.layout`, `.system`.
    public func start() throws(GuestError) -> RunningGuest {
        let guest = try launch()
        try guest.begin()
        return guest
    }

    /// QEMU's ends of the sockets are let go of here, so that ours end when QEMU does.
    private func launch() throws(GuestError) -> RunningGuest {
        let initramfs = try configuration.initramfs()
        let tree = try configuration.deviceTree()
        let log = try OwnedDescriptor.memory("m4run-qemu-log", size: 0)
        let console = try OwnedDescriptor.socketPair(), qtest = try OwnedDescriptor.socketPair(), monitor = try OwnedDescriptor.socketPair()
        let control = try OwnedDescriptor.socketPair(), output = configuration.script == nil ? nil : try OwnedDescriptor.socketPair()

        var command = QEMUCommand(program: try Self.program(configuration), input: try .open("/dev/null", O_RDWR), log: log)
        let memory = memory
        command.add(memory: { memory.file($0) }, layout: layout)
        command.add(
            kernel: configuration.kernel ?? configuration.files.kernel, commandLine: configuration.commandLine,
            initramfs: try .memory("m4run-initramfs", initramfs), tree: try .memory("m4run-tree", tree))
        if configuration.storesWait { command.add(plugin: configuration.plugin, page: memory.pageFile, watches: layout.watches) }
        command.add(console: console.theirs, qtest: qtest.theirs, monitor: monitor.theirs)
        var ports = [(InitScript.controlPort, control.theirs)]
        if let output { ports.append((InitScript.outputPort, output.theirs)) }
        command.add(ports: ports, terminal: configuration.terminal?.listener)
        if let share = configuration.share { command.add(share: share, tag: InitScript.shareTag) }

        let process = try GuestProcess(arguments: command.arguments, environment: Self.environment, descriptors: command.descriptors.map(\.number))
        return RunningGuest(
            memory: memory, process: process, console: console.ours, output: output?.ours, control: control.ours, monitor: monitor.ours,
            qtest: qtest.ours, log: log)
    }

    /// QEMU's file: the one that was named, or the first in PATH.
    private static func program(_ configuration: GuestConfiguration) throws(GuestError) -> String {
        let name = configuration.qemu ?? "qemu-system-arm"
        let folders = name.contains("/") ? [""] : (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/" }
        guard let file = folders.map({ $0 + name }).first(where: FileManager.default.isExecutableFile) else {
            throw .program(name, advice: "scripts/setup qemu")
        }
        return file
    }

    /// QEMU needs none of ours but where its temporary files go.
    private static var environment: [String] {
        let variables = ProcessInfo.processInfo.environment
        return ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"].compactMap { name in variables[name].map { "\(name)=\($0)" } } + ["LC_ALL=C"]
    }
}
