import Chips
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

    init(_ command: LinuxCommand, _ image: FirmwareImage, _ linux: HostConfiguration) throws {
        let options = command.guest
        let files: GuestFiles
        do throws(GuestError) {
            var found = try GuestFiles(folder: options.linux)
            if let folder = options.kernelModules { try found.takeModules(from: folder, GuestConfiguration.everyModule) }
            files = found
        } catch { throw UsageError("\(error)") }
        var configuration = GuestConfiguration(files: files, coprocessor: linux, plugin: Self.plugin(options.plugin))
        configuration.qemu = options.qemu
        configuration.share = try options.share.map { try Self.folder($0, "--share") }
        if let kernel = options.kernel { configuration.kernel = try Self.kernel(kernel) }
        if let initrd = options.initrd { configuration.initrd = try Self.archive(initrd) }
        configuration.kernelArguments = (options.run == nil ? Self.terminal : []) + options.append
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
            start.append("\(isUp)echo start >\(control)/state || { echo 'm4run: the firmware does not start; dmesg says why' >&2; exit 1; }")
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
        firmware = configuration.extraFiles.filter { $0.path.hasPrefix(prefix) }.compactMap { file in
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
        close(try InputFile.open(path))
        return path
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
        let beside = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let places = ["linux-bridge.so", "../lib/m4run/linux-bridge.so", "../linux-bridge.so", "../../linux-bridge.so"].map { beside.appendingPathComponent($0).standardizedFileURL.path }
        return places.first(where: FileManager.default.isReadableFile) ?? ".build/linux-bridge.so"
    }

    /// The plain files below a folder, with their modes.
    private static func files(in folder: String) throws -> [GuestFile] {
        guard let paths = FolderWalk.paths(below: folder) else { throw UsageError("--overlay \(folder): no such folder") }
        var files: [GuestFile] = [], total = 0
        for path in paths {
            var info = stat()
            guard stat("\(folder)/\(path)", &info) == 0, info.st_mode & S_IFMT == S_IFREG else { continue }
            let bytes = try InputFile.read("\(folder)/\(path)", limit: largestOverlay)
            total += bytes.count
            guard files.count < mostFiles, total <= largestOverlay else {
                throw UsageError("--overlay \(folder): more than \(mostFiles) files or \(largestOverlay) bytes; --share gives the guest a folder")
            }
            files.append(GuestFile(path, bytes, mode: UInt32(info.st_mode & 0o777)))
        }
        return files.sorted { $0.path < $1.path }
    }
}
