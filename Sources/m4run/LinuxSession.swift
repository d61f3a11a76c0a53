import DeviceTree
import LinuxGuest
import RprocDeviceTree
import RprocHost
import VirtualMP1

/// One `m4run linux`: boots of one guest, until it does not ask for another.
final class LinuxSession {
    private let command: LinuxCommand
    private let image: [UInt8]
    private let symbols: FirmwareSymbols
    private let configuration: GuestConfiguration
    private let narrator: LinuxNarrator

    init(_ command: LinuxCommand) throws {
        self.command = command
        image = try InputFile.read(command.image)
        guard image.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else {
            throw Refusal("\(command.image): no ELF; a real Linux loads firmware without OP-TEE, which takes no part here")
        }
        symbols = FirmwareSymbols(image: image)
        var linux = HostConfiguration(bootSequence: .elf)
        if let path = command.dtb {
            let tree = try TreeOptions.tree(path)
            do throws(CoprocessorNodeError) { linux = try CoprocessorNode(tree).hostConfiguration(.elf) } catch { throw UsageError("\(path): \(error)") }
        }
        configuration = try LinuxGuestSetup(command, image, linux).configuration
        narrator = LinuxNarrator(symbols, isQuiet: command.quiet)
        let files = configuration.files
        narrator.note("Linux \(files.release) (\(files.package) \(files.version), Debian \(files.suite)) in QEMU, wall-clock paced")
    }

    /// - Returns: the exit status.
    func run() throws -> Int32 {
        var number = 1
        while true {
            var configuration = configuration
            // A script that reboots its guest wants to know where it is.
            configuration.kernelArguments.append("M4RUN_BOOT=\(number)")
            if case .status(let status) = try LinuxBoot(command, configuration, image, symbols, narrator).run() { return status }
            number += 1
        }
    }
}
