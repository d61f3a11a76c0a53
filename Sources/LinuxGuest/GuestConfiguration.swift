// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import RprocHost

/// What is decided of a guest before it starts.
public struct GuestConfiguration: Sendable {
    public var files: GuestFiles
    /// The coprocessor, as `--dtb` or the built-in default describes it.
    public var coprocessor: HostConfiguration
    /// The plugin that makes stores wait, a file.
    public var plugin: String
    /// QEMU's program; nil for `qemu-system-arm` in PATH.
    public var qemu: String?
    /// More files, by their paths in the guest: firmware below `lib/firmware`.
    public var extraFiles: [GuestFile] = []
    /// A shell script that the guest runs instead of a shell on the console; the guest ends with it.
    public var script: String?
    /// A folder of the host's that the guest has at /mnt/host.
    public var share: String?
    /// Where a second shell of the guest's can be had.
    public var terminal: TerminalSocket?
    /// Another root file system, an archive as kernels unpack it, in which the guest's own files are put.
    public var initrd: [UInt8] = []
    /// More words for the kernel's command line. What it does not know and has a `=` is in the shell's environment: TERM, and LINES and COLUMNS for
    /// the console's size.
    public var kernelArguments: [String] = []
    /// Another kernel's image; nil for that of `files`. Modules are still those of `files`, see `GuestFiles.takeModules`.
    public var kernel: String?
    /// Drivers that the guest loads, and what they need.
    public var modules = GuestConfiguration.usualModules
    /// Whether stores to registers wait for the host. Without it nobody needs to act: for guests without a board.
    public var storesWait = true

    public static let usualModules = [
        "stm32_ipcc", "stm32_rproc", "virtio_rpmsg_bus", "rpmsg_ns", "rpmsg_char", "rpmsg_ctrl", "rpmsg_tty",
    ]

    public init(files: GuestFiles, coprocessor: HostConfiguration, plugin: String) {
        self.files = files
        self.coprocessor = coprocessor
        self.plugin = plugin
    }
}

/// A file, link or folder that the guest finds in its root file system.
public struct GuestFile: Sendable {
    public enum Kind: Sendable, Equatable { case file, folder, link(to: String) }
    /// Relative to the root, as `lib/firmware/rproc-m4-fw`.
    public var path: String
    public var kind = Kind.file
    /// Of a file.
    public var content: [UInt8]
    public var mode: UInt32

    public init(_ path: String, _ content: [UInt8], mode: UInt32 = 0o644) { self.path = path; self.content = content; self.mode = mode }
    public init(_ path: String, _ kind: Kind, mode: UInt32 = 0o755) { self.path = path; self.kind = kind; content = []; self.mode = mode }
}

extension GuestConfiguration {
    /// What must be loaded before init can talk to the host.
    var portModules: [String] { ["virtio_mmio", "virtio_console"] + (share == nil ? [] : ["9pnet_virtio", "9p"]) }
    /// All that is loaded where the kernel has not built it in.
    public static let everyModule = ["virtio_mmio", "virtio_console", "9pnet_virtio", "9p"] + usualModules

    /// The guest's device tree, a blob; random only in the seed for the kernel's random numbers.
    /// - Throws: `.layout` for a coprocessor that the guest's machine cannot have.
    public func deviceTree() throws(GuestError) -> [UInt8] {
        let layout = try GuestLayout(coprocessor)
        let seed = (0..<64).map { _ in UInt8.random(in: 0...255) }
        return try GuestTree(layout: layout, configuration: coprocessor, virtioSlots: share == nil ? 1 : 2, seed: seed).blob()
    }

    /// The root file system, a newc archive.
    /// - Throws: `.files` when a module is not there, `.layout` when it is larger than what lies before the first register.
    public func initramfs() throws(GuestError) -> [UInt8] {
        var tree = Initramfs()
        // Beside files of another's, whose folders may be links, ours have a place of their own, from which init puts them where they belong.
        let beside = initrd.isEmpty ? "" : InitScript.rootPath + "/"
        tree.device("dev/console", 5, 1)
        tree.file(initrd.isEmpty ? "bin/busybox" : InitScript.busyboxPath, files.busybox, mode: 0o755)
        if initrd.isEmpty { tree.link("bin/sh", to: "busybox") }
        let order = files.loadOrder(portModules + modules)
        for name in order { tree.file("\(InitScript.modulesPath)/\(name).ko", try files.module(name)) }
        if let script { tree.file(InitScript.scriptPath, Array(script.utf8)) }
        for file in extraFiles {
            let path = file.path.hasPrefix("m4run/") ? file.path : beside + file.path
            switch file.kind {
            case .file: tree.file(path, file.content, mode: file.mode)
            case .folder: tree.folder(path, mode: file.mode)
            case .link(let target): tree.link(path, to: target)
            }
        }
        let script = InitScript(modules: order, hasScript: script != nil, hasShare: share != nil, hasTerminal: terminal != nil, isBeside: !initrd.isEmpty)
        tree.file("init", Array(script.text.utf8), mode: 0o755)
        // The kernel unpacks one archive behind another; what begins one lies at a multiple of four.
        let archive = initrd + [UInt8](repeating: 0, count: (4 - initrd.count % 4) % 4) + tree.archive
        // QEMU puts it 128 MiB into the memory, and the first register is 192 MiB in.
        guard archive.count <= Self.largestInitramfs else {
            throw .layout("a root file system of \(archive.count) bytes: allowed is \(Self.largestInitramfs)")
        }
        return archive
    }
    static let largestInitramfs = 60 << 20

    /// Of the kernel's command line, in bytes: ARM's COMMAND_LINE_SIZE, less the NUL.
    public static let longestCommandLine = 1023

    /// The kernel's command line.
    public var commandLine: String {
        let memory = "\(GuestLayout.linuxMemory >> 20)M@0x\(String(GuestLayout.ramStart, radix: 16))"
        // A panic ends the guest: QEMU does not start it again. Self-tests of ciphers are a third of the boot.
        return (["console=ttyAMA0", "rdinit=/init", "mem=\(memory)", "panic=-1", "cryptomgr.notests"] + kernelArguments).joined(separator: " ")
    }
}
