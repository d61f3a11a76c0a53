// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import Debugger
import FoundationEssentials
import ImageFormat
import MachineBase
import VirtualMP1

/// A debugger's other side: the firmware stands before its first instruction, and gdb has it.
struct GdbCommand: TakesProjectFile {
    static let configuration = CommandConfiguration(
        commandName: "gdb",
        abstract: "Debug firmware with gdb, or an editor that drives gdb.",
        discussion: """
            Boots the image as 'run' does; the M4 stands before the first instruction of its reset handler until gdb lets it run. \
            In gdb: target extended-remote 127.0.0.1:3333. With --stdio: target remote | m4run gdb IMAGE --stdio. \
            The run goes on until 'monitor shutdown', a signal, --for or --until ends it.
            """)

    @Argument(help: "The firmware: a signed image, or an ELF with --boot elf.", completion: .file()) var image: String
    @Option(help: ArgumentHelp("Where gdb connects to: a port, address:port, or a socket's path.", valueName: "address")) var listen = GDBAddress.usual
    @Flag(help: "Serve gdb on standard input and output, and end when it goes.") var stdio = false
    @Option(help: ArgumentHelp("Write launch configurations for Visual Studio Code into this folder's .vscode/launch.json, and run nothing.", valueName: "folder"), completion: .directory)
    var vscode: String?
    @Option(help: ArgumentHelp("With --vscode: the ELF with the signed image's symbols.", valueName: "file"), completion: .file()) var elf: String?

    @OptionGroup(title: "Boot") var boot: Run.BootOptions
    @OptionGroup(title: "Life of the firmware") var lifecycle: LifecycleOptions
    @OptionGroup(title: "Traffic") var traffic: Run.TrafficOptions
    @OptionGroup(title: "Drivers") var drivers: BindOptions
    @OptionGroup(title: "For other programs") var serving: Run.ServingOptions
    @OptionGroup(title: "Debugging") var debug: DebugOptions
    @OptionGroup(title: "Limits and output") var limits: Run.LimitOptions
    @OptionGroup(title: "General") var general: GeneralOptions

    private var asRun: Run {
        var run = Run()
        (run.image, run.boot, run.lifecycle, run.traffic, run.drivers) = (image, boot, lifecycle, traffic, drivers)
        (run.serving, run.debug, run.limits, run.general) = (serving, debug, limits, general)
        var debugger = GDBOption()
        debugger.gdb = stdio ? GDBAddress(address: .standardInput) : listen
        debugger.waits = true
        run.debugger = debugger
        return run
    }

    func validate() throws {
        if elf != nil, vscode == nil { throw ValidationError("--elf goes with --vscode") }
        try asRun.validate()
    }

    func run() throws {
        if let vscode { return try writeConfigurations(vscode) }
        try asRun.run()
    }

    private func writeConfigurations(_ folder: String) throws {
        let firmware = FirmwareImage(try InputFile.read(image))
        guard let program = elf ?? (firmware.kind == .elf ? image : nil) else {
            throw UsageError("\(image): a signed image; --elf FILE names the ELF that it was made of, for its symbols")
        }
        let text = LaunchConfigurations(program: program, address: listen.address).text
        let directory = URL(fileURLWithPath: folder).appendingPathComponent(".vscode").path, path = directory + "/launch.json"
        if FileManager.default.fileExists(atPath: path) {
            Console.data(text)
            throw UsageError("\(path): there is one already, and it stays as it is; what it is to have is on standard output")
        }
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try InputFile.write(Array(text.utf8), to: path)
        } catch { throw UsageError("\(path): \(error)") }
        Console.note("m4run: launch configurations in \(path); start 'm4run gdb \(image)' with its options, then one of them")
    }
}
