// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import ELF32
import FoundationEssentials
import Glibc
import ImageFormat
import LinuxGuest
import MachineBase
import RprocHost

/// What the command line makes of a Linux guest: its files, and the firmware in them.
struct LinuxGuestSetup {
    var configuration: GuestConfiguration
    /// The images that Linux may start, the command's first.
    let firmware: [KnownFirmware]
    /// More in the guest's root is refused; its memory is no disk.
    private static let largestOverlay = 48 << 20, mostFiles = 4096
    /// Names of the guest's root that are m4run's, and folders that it has itself.
    private static let ownNames = ["init", "m4run"], ownFolders = ["bin", "dev", "etc", "lib", "lib/firmware"]

    init(_ command: LinuxCommand, _ image: FirmwareImage, _ linux: HostConfiguration) throws {
        let options = command.guest
        let files: GuestFiles
        do throws(GuestError) {
            var found = try GuestFiles(folder: options.linux)
            if let folder = options.kernelModules { try found.takeModules(from: folder, GuestConfiguration.everyModule) }
            files = found
        } catch { throw UsageError("\(error)", see: .page(.linux)) }
        var configuration = GuestConfiguration(files: files, coprocessor: linux, plugin: Self.plugin(options.plugin))
        configuration.qemu = options.qemu
        configuration.share = try options.share.map { try Self.folder($0, "--share") }
        if let kernel = options.kernel { configuration.kernel = try Self.kernel(kernel) }
        if let initrd = options.initrd { configuration.initrd = try Self.archive(initrd) }
        configuration.kernelArguments = (options.run == nil ? Self.terminal : []) + options.append
        try Self.check(options.append, configuration.commandLine)
        let name = try Self.firmwareName(command.image)
        configuration.extraFiles.append(GuestFile("lib/firmware/\(name)", image.bytes))
        if let overlay = options.overlay { configuration.extraFiles += try Self.files(in: overlay) }
        var start: [String] = []
        for path in options.modules {
            let module = PathText.name(path)
            guard Self.isPlain(module) else { throw UsageError("--module \(path): the file's name may have letters, digits and -_.+ only") }
            configuration.extraFiles.append(GuestFile("m4run/own/\(module)", try InputFile.read(path, limit: 16 << 20)))
            start.append("insmod /m4run/own/\(module) || { echo 'm4run: \(module) does not load' >&2; exit 1; }")
        }
        let control = "/sys/class/remoteproc/remoteproc0"
        // What runs has no name to be changed, and is up.
        if !command.life.attach { start.append("echo \(name) >\(control)/firmware") }
        if !options.offline {
            // With st,auto-boot Linux has attached by itself.
            let isUp = command.life.attach ? "[ \"$(cat \(control)/state)\" = attached ] || " : ""
            start.append("\(isUp)echo start >\(control)/state || { echo 'm4run: the firmware does not start:' >&2; dmesg | grep remoteproc | tail -n 4 >&2; exit 1; }")
        }
        let prologue = start.joined(separator: "\n")
        if let path = options.run {
            // Its own shell: what it exits with, and its $0, are its own.
            configuration.extraFiles.append(GuestFile("m4run/run", try InputFile.read(path, limit: 1 << 20), mode: 0o755))
            configuration.script = "\(prologue)\nexec sh /m4run/run\n"
        } else {
            let started = start.map { $0.replacing("; exit 1; }", with: "; }") }.joined(separator: "\n")
            configuration.extraFiles.append(GuestFile("etc/profile", Array("\(started)\nPS1='m4run:\\w# '\n".utf8)))
        }
        // Last: from here on there is a file.
        if let path = options.terminal {
            do throws(GuestError) { configuration.terminal = try TerminalSocket(path) } catch { throw UsageError("--terminal \(error)") }
        }
        self.configuration = configuration
        let prefix = "lib/firmware/"
        firmware = configuration.extraFiles.filter { $0.kind == .file && $0.path.hasPrefix(prefix) }.compactMap { file in
            KnownFirmware(String(file.path.dropFirst(prefix.count)), file.content == image.bytes ? image : FirmwareImage(file.content), chip: .chosen)
        }
    }

    private static func folder(_ path: String, _ option: String) throws -> String {
        var isFolder = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder else { throw UsageError("\(option) \(path): no such folder") }
        return path
    }

    /// A kernel's image that QEMU can read: its name, where a version was meant, is no file.
    private static func kernel(_ path: String) throws -> String {
        let hint = Kernel.allValueStrings.contains(path) ? "; a kernel of Debian's is chosen by --linux .deps/linux/SUITE, --kernel takes an image's file" : ""
        guard FileManager.default.fileExists(atPath: path) else { throw UsageError("--kernel \(path): no such file\(hint)") }
        let head = try InputFile.beginning(path, count: 20)
        guard head.size >= smallestKernel else { throw UsageError("--kernel \(path): \(head.size) bytes are no kernel's image") }
        if let elf = ELFHeader(head.bytes + [UInt8](repeating: 0, count: 64)), head.bytes.starts(with: ELFHeader.magic), elf.machine != ELFHeader.machineARM {
            throw UsageError("--kernel \(path): an ELF for machine \(elf.machine), not for Arm (\(ELFHeader.machineARM))")
        }
        return path
    }
    private static let smallestKernel = 256 << 10

    /// Words that would swallow others, or be cut off.
    private static func check(_ words: [String], _ whole: String) throws {
        for word in words {
            guard word.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { throw UsageError("--append \(ForeignText.line(word)): a line break or another control character; words of a kernel's command line have none") }
            guard word.utf8.count(where: { $0 == UInt8(ascii: "\"") }) % 2 == 0 else { throw UsageError("--append \(word): a quote without its second, which would take in the words behind it") }
        }
        // The boot's number comes behind.
        let count = whole.utf8.count + " M4RUN_BOOT=1000000".utf8.count
        guard count <= GuestConfiguration.longestCommandLine else {
            throw UsageError("--append: the kernel's command line would have \(count) bytes, and ends after \(GuestConfiguration.longestCommandLine)")
        }
    }

    /// A root file system as the kernel unpacks it. Source: Linux lib/decompress.c, usr/initramfs.c.
    private static func archive(_ path: String) throws -> [UInt8] {
        let bytes = try InputFile.read(path, limit: largestOverlay)
        let beginnings: [[UInt8]] = [Array("070701".utf8), Array("070702".utf8), [0x1F, 0x8B], [0xFD, 0x37, 0x7A, 0x58, 0x5A], [0x28, 0xB5, 0x2F, 0xFD], [0x02, 0x21, 0x4C, 0x18], Array("BZh".utf8), [0x89, 0x4C, 0x5A, 0x4F]]
        guard beginnings.contains(where: bytes.starts) else {
            throw UsageError("--initrd \(path): no archive that a kernel unpacks, which is cpio's newc ('find . | cpio -o -H newc'), as it is or packed")
        }
        return bytes
    }

    /// What this terminal is, for programs in the guest.
    private static var terminal: [String] {
        var size = winsize(), words: [String] = []
        if let kind = ProcessInfo.processInfo.environment["TERM"], isPlain(kind) { words.append("TERM=\(kind)") }
        if ioctl(0, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 { words += ["LINES=\(size.ws_row)", "COLUMNS=\(size.ws_col)"] }
        return words
    }

    /// The name that the guest has it by.
    private static func firmwareName(_ path: String) throws -> String {
        let name = PathText.name(path)
        guard isPlain(name), name.count <= 100 else { throw UsageError("\(path): a guest's firmware has a name of letters, digits and -_.+, at most 100 of them") }
        return name
    }

    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix(".") && !name.hasPrefix("-") && name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || "-_.+".utf8.contains(byte)
        }
    }

    private static func plugin(_ told: String?) -> String {
        if let told { return told }
        // Installed, or in a checkout; nowhere else: what is there is loaded into QEMU.
        let installed = ["", "../lib/m4run/"].map { InstalledPlace.besideProgram($0 + "linux-bridge.so") }
        let places = installed + [InstalledPlace.inCheckout(".build/linux-bridge.so")].compactMap { $0 }
        return places.first(where: FileManager.default.isReadableFile) ?? ".build/linux-bridge.so"
    }

    /// Files, links and folders below a folder, with their modes; what a guest's root cannot have is refused by name.
    private static func files(in folder: String) throws -> [GuestFile] {
        guard let entries = FolderWalk.entries(below: folder) else {
            let reason = errno
            var info = stat()
            let isThere = stat(folder, &info) == 0
            throw UsageError("--overlay \(folder): \(isThere ? "cannot be read: \(String(cString: strerror(reason)))" : "no such folder")")
        }
        func refuse(_ why: String) -> UsageError { UsageError("--overlay \(folder): \(why)") }
        guard entries.count <= mostFiles else { throw refuse("more than \(mostFiles) files; --share gives the guest a folder") }
        var files: [GuestFile] = [], total = 0
        for entry in entries.sorted(by: { $0.path < $1.path }) {
            let name = ForeignText.line(entry.path)
            guard entry.isNamed else { throw refuse("\(name): the name is not UTF-8") }
            if let own = ownNames.first(where: { entry.path == $0 || entry.path.hasPrefix($0 + "/") }) { throw refuse("\(name): the name \(own) is m4run's own in the guest") }
            let path = "\(folder)/\(entry.path)"
            if entry.kind != S_IFDIR, ownFolders.contains(entry.path) {
                throw refuse("\(name): the guest has a folder of that name, with files of m4run's in it")
            }
            switch entry.kind {
            case S_IFREG:
                let bytes = try InputFile.read(path, limit: largestOverlay)
                total += bytes.count
                guard total <= largestOverlay else { throw refuse("more than \(largestOverlay) bytes; --share gives the guest a folder") }
                files.append(GuestFile(entry.path, bytes, mode: entry.mode & 0o7777))
            case S_IFDIR: files.append(GuestFile(entry.path, .folder, mode: entry.mode & 0o7777))
            case S_IFLNK:
                guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) else { throw refuse("\(name): the link cannot be read") }
                files.append(GuestFile(entry.path, .link(to: target)))
            default: throw refuse("\(name): neither a file, nor a folder, nor a link; a device is made in the guest, by mknod")
            }
        }
        return files
    }
}
