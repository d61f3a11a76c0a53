// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import DeviceFiles
import DeviceTree
import ELF32
import FoundationEssentials
import Glibc
import ImageFormat
import LinuxGuest
import MachineBase
import RprocDeviceTree
import RprocHost
import VirtualMP1

/// One `m4run linux`: boots of one guest, until it does not ask for another.
final class LinuxSession {
    private let command: LinuxCommand
    private let firmware: [KnownFirmware]
    private let symbols: FirmwareSymbols
    private let configuration: GuestConfiguration
    private let runLog: LinuxRunLog
    private let record = LinuxRecord()
    private let crashes: LinuxCrashes
    private let started = ContinuousClock.now
    /// A guest that reboots so often without a word will do so for ever.
    private static let mostSilentBoots = 5

    init(_ command: LinuxCommand) throws {
        self.command = command
        let image = FirmwareImage(try InputFile.read(command.image))
        guard image.kind == .elf else {
            throw Refusal("\(command.image): no ELF; a real Linux loads firmware without OP-TEE, which takes no part here")
        }
        if let header = ELFHeader(image.bytes), header.machine != ELFHeader.machineARM {
            throw Refusal("\(command.image): an ELF for machine \(header.machine), not for Arm (\(ELFHeader.machineARM))")
        }
        symbols = FirmwareSymbols(of: image)
        var linux = HostConfiguration(bootSequence: .elf, chip: .chosen)
        if let path = command.dtb {
            let tree = try TreeOptions.tree(path)
            do throws(CoprocessorNodeError) { linux = try CoprocessorNode(tree, chip: .chosen).hostConfiguration(.elf) } catch { throw UsageError("\(path): \(error)", see: .page(.dt)) }
        }
        let setup = try LinuxGuestSetup(command, image, linux)
        configuration = setup.configuration
        firmware = setup.firmware
        crashes = try LinuxCrashes(command.life, linux.memoryRegions)
        runLog = LinuxRunLog(symbols, PathText.name(command.image), level: command.limits.level)
        let files = configuration.files
        runLog.note("Linux \(files.release) (\(files.package) \(files.version), Debian \(files.suite)) in QEMU, wall-clock paced")
        if let terminal = configuration.terminal { runLog.note("a second terminal: socat -,raw,echo=0,escape=0x1d UNIX-CONNECT:\(terminal.path)") }
    }

    /// - Returns: the exit status.
    func run() throws -> Int32 {
        // Boots that said nothing, in a row.
        var silent = 0
        // Its name goes with the run, whatever ends that.
        let entry = configuration.terminal.map { terminal in Leavings.add { [path = terminal.path] in unlink(path) } }
        defer {
            configuration.terminal?.close()
            entry.map(Leavings.forget)
        }
        while true {
            var configuration = configuration
            // A script that reboots its guest wants to know where it is.
            configuration.kernelArguments.append("M4RUN_BOOT=\(record.boots + 1)")
            let boot = try LinuxBoot(command, configuration, firmware, symbols, runLog, record, crashes)
            switch try boot.run() {
            case .end(let end): return report(end, boot)
            case .reboot:
                silent = boot.isAlive ? 0 : silent + 1
                if let most = command.limits.reboots, record.boots > most { return report(LinuxEnd(.limit, "--reboots \(most): the guest has rebooted once more", see: .status(.limit)), boot) }
                if command.limits.reboots == nil, silent == Self.mostSilentBoots {
                    let what = command.guest.run == nil ? "nobody typed anything" : "its script printed nothing"
                    return report(LinuxEnd(.limit, "the guest has rebooted \(silent) times in a row, and \(what) in between; --reboots N lets it", see: .page(.linux)), boot)
                }
            }
        }
    }

    private func report(_ end: LinuxEnd, _ boot: LinuxBoot) -> Int32 {
        // A core dump that was asked for and is lost is no success.
        let end = end.status == 0 && crashes.problem != nil ? LinuxEnd(.usage) : end
        if let complaint = end.complaint { if end.isReport { Console.report(complaint, end.status == ExitStatus.halted.rawValue ? .plain : .error) } else { Console.error(complaint) } }
        if let problem = crashes.problem { Console.error(problem) }
        if command.limits.doctor { Console.notes(LinuxDoctor(boot, record).lines) }
        if command.limits.json {
            Supervisor.hasReported()
            let wall = (ContinuousClock.now - started) / .seconds(1)
            Console.data(LinuxReport(end, boot, record, command, configuration.files, wall: wall).text + "\n")
        }
        HelpTopic.explains(end.topic)
        return end.status
    }
}
