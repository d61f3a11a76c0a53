// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// A kernel, modules and a root file system of the user's own beside the M4.
@Suite(.serialized) struct LinuxKernelTests {
    private static let linux = Scratch.package.path + "/.deps/linux"
    private static func run(_ script: String, _ options: [String]) throws -> Command.Result {
        let file = try Scratch.write(Array(script.utf8), "kernel-\(UInt32.random(in: 0...UInt32.max)).sh")
        return try Command.run(
            ["linux", try Scratch.elf("tty-echo"), "--run", file, "--linux", linux + "/bookworm", "--timeout", "60s", "--quiet"] + options, in: Scratch.folder)
    }
    private static func folder(_ name: String, _ modules: [String]) throws -> String {
        let path = Scratch.path(name)
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path + "/kernel/drivers", withIntermediateDirectories: true)
        for module in modules { try FileManager.default.copyItem(atPath: linux + "/bookworm/modules/\(module).ko", toPath: path + "/kernel/drivers/\(module).ko") }
        return path
    }
    private static let everything = [
        "9p", "9pnet", "9pnet_virtio", "netfs", "fscache", "rpmsg_char", "rpmsg_core", "rpmsg_ctrl", "rpmsg_ns", "rpmsg_tty", "stm32_ipcc", "stm32_rproc", "virtio_console",
        "virtio_mmio", "virtio_rpmsg_bus",
    ]
    private static let talk = """
        tries=0; while [ ! -e /dev/ttyRPMSG0 ] && [ $tries -lt 100 ]; do usleep 50000; tries=$((tries + 1)); done
        stty -F /dev/ttyRPMSG0 raw -echo && exec 3<>/dev/ttyRPMSG0
        echo hello >&3; read -t 5 line <&3; echo "got $line"

        """

    @Test("A kernel's image with a folder of its modules, by any layout, boots and talks to the firmware", .needsLinuxGuest)
    func ownKernel() throws {
        let modules = try Self.folder("own-modules", Self.everything.filter { FileManager.default.fileExists(atPath: Self.linux + "/bookworm/modules/\($0).ko") })
        let result = try Self.run(Self.talk, ["--kernel", Self.linux + "/bookworm/vmlinuz", "--modules", modules])
        #expect(result.out == "got hello\n" && result.status == 0, "\(result.err)")
    }

    @Test("A kernel without the drivers is told by their names, with the option and what brings them; so are modules of another kernel", .needsLinuxGuest)
    func withoutDrivers() throws {
        let modules = try Self.folder("few-modules", ["virtio_console", "virtio_mmio"])
        let result = try Self.run("exit 0\n", ["--modules", modules])
        #expect(result.status != 0, "\(result.err)")
        for (driver, option) in [("stm32-rproc", "CONFIG_STM32_RPROC"), ("stm32-ipcc", "CONFIG_STM32_IPCC"), ("virtio_rpmsg_bus", "CONFIG_RPMSG_VIRTIO"), ("rpmsg_tty", "CONFIG_RPMSG_TTY")] {
            #expect(result.err.contains("the guest's kernel has no driver \(driver): build it with \(option)") && result.err.contains("scripts/fetch-linux"), "\(result.err)")
        }
        guard FileManager.default.isReadableFile(atPath: Self.linux + "/trixie/version") else { return }
        let foreign = try Self.folder("foreign-modules", ["virtio_console", "virtio_mmio"])
        try FileManager.default.copyItem(atPath: Self.linux + "/trixie/modules/stm32_ipcc.ko", toPath: foreign + "/stm32-ipcc.ko")
        let other = try Self.run("exit 0\n", ["--modules", foreign])
        #expect(other.err.contains("the guest could not load stm32_ipcc; its dmesg says why: a module fits one kernel"), "\(other.err)")
    }

    @Test("Without the virtio console a guest can say nothing: that is told, with the console's end", .needsLinuxGuest)
    func withoutConsole() throws {
        let result = try Self.run("exit 0\n", ["--modules", try Self.folder("no-console", ["stm32_ipcc", "stm32_rproc"])])
        #expect(result.status == 1, "\(result.err)")
        #expect(result.err.contains("has neither virtio_mmio nor virtio_console"), "\(result.err)")
    }

    @Test("Folders and files that are none of what they should be are told before anything starts", .needsLinuxGuest)
    func refusals() throws {
        let packed = Scratch.path("packed-modules")
        try FileManager.default.createDirectory(atPath: packed, withIntermediateDirectories: true)
        try Data([1]).write(to: URL(fileURLWithPath: packed + "/stm32_rproc.ko.xz"))
        let text = try Scratch.write(Array("no archive\n".utf8), "initrd.txt")
        for (options, sentence) in [
            (["--modules", Scratch.path("nowhere")], "no such folder; a kernel's modules are in lib/modules/RELEASE"), (["--modules", packed], "modules are packed, as stm32_rproc.ko.xz; unpack them"),
            (["--modules", Scratch.package.path + "/docs"], "no module, NAME.ko, in it or below"), (["--initrd", text], "no archive that a kernel unpacks, which is cpio's newc"),
            (["--initrd", Scratch.path("nowhere")], "no such file"), (["--kernel", Scratch.path("nowhere")], "no such file"),
            (["--kernel", "6.1"], "--kernel 6.1: no such file; a kernel of Debian's is chosen by --linux"), (["--share", Scratch.path("nowhere")], "--share \(Scratch.path("nowhere")): no such folder"),
        ] {
            let result = try Self.run("exit 0\n", options)
            #expect(result.status == 2 && result.err.contains(sentence), "\(options): \(result.err)")
        }
    }

    @Test("A root file system of one's own keeps its programs and libraries, whatever its folders are links to", .needsLinuxGuest)
    func ownRoot() throws {
        // As Debian's: /bin and /lib are links.
        var archive: [UInt8] = []
        func pad() { archive += [UInt8](repeating: 0, count: (4 - archive.count % 4) % 4) }
        func add(_ path: String, _ mode: UInt32, _ content: String) {
            let name = Array(path.utf8) + [0], fields = [1, mode, 0, 0, 1, 0, UInt32(content.utf8.count), 0, 0, 0, 0, UInt32(name.count), 0]
            archive += Array(("070701" + fields.map { String(format: "%08X", $0) }.joined()).utf8) + name
            pad()
            archive += Array(content.utf8)
            pad()
        }
        for path in ["usr", "usr/bin", "usr/lib"] { add(path, 0o040755, "") }
        add("bin", 0o120777, "usr/bin")
        add("lib", 0o120777, "usr/lib")
        add("usr/bin/greet", 0o100755, "#!/bin/sh\necho greetings from $(readlink /lib)\n")
        add("usr/lib/libown.so", 0o100644, "mine")
        add("init", 0o100755, "#!/bin/sh\nexit 1\n")
        add("TRAILER!!!", 0, "")
        let file = try Scratch.write(archive, "own.cpio")
        // An overlay comes on top, its links and empty folders with it.
        let files = FileManager.default, overlay = Scratch.folder.appendingPathComponent("beside-\(UUID())")
        defer { try? files.removeItem(at: overlay) }
        try files.createDirectory(at: overlay.appendingPathComponent("srv/empty"), withIntermediateDirectories: true)
        try files.createSymbolicLink(atPath: overlay.appendingPathComponent("srv/link").path, withDestinationPath: "/etc/nothing")
        let script = "greet; cat /lib/libown.so; echo; ls /lib/firmware; readlink /srv/link; ls /srv\n" + Self.talk
        let result = try Self.run(script, ["--initrd", file, "--overlay", overlay.path])
        #expect(result.out == "greetings from usr/lib\nmine\ntty-echo.elf\n/etc/nothing\nempty\nlink\ngot hello\n" && result.status == 0, "\(result.out)\(result.err)")
    }
}
