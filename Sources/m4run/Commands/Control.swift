// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import DeviceFiles
import FoundationEssentials
import Glibc
import MachineBase

/// A shell's hand on a run that serves a control folder, where FUSE cannot be had, and for rpmsg_ctrl.
struct Control: TakesProjectFile {
    static let configuration = CommandConfiguration(
        commandName: "ctl",
        abstract: "Read or write a control file of a run that has --control.",
        discussion: """
            FILE is a name as sysfs and debugfs have it (state, firmware, recovery, coredump, name, crash, trace0, resource_table, \
            carveout_memories), or a path below the folder (sys/class/...). Without words it is shown; with words they are written, \
            as echo does. rpmsg_ctrl0 has what its ioctls do, and nothing to read: create-endpoint, create-channel and release-channel \
            NAME SOURCE DESTINATION, and destroy-endpoint rpmsgN; an address is a number or 'any'. Words for a ttyRPMSGN go to the \
            firmware as rpmsg_tty sends them, with ENOMEM when no buffer is free. The status is 1 when Linux refuses, \
            with its errno as text and what would have been allowed; 2 when no run serves the folder.
            """)

    @Argument(help: "The folder that the run was given with --control.", completion: .directory) var folder: String
    @Argument(help: "The control file.") var file: String
    @Argument(help: "What to write.") var words: [String] = []
    @Option(help: "Wall time after which to give up with status 5, as 500ms, 30s; the run may take its time, or stand still.", transform: VirtualDuration.read) var timeout: VirtualDuration?
    @OptionGroup(title: "General") var general: GeneralOptions

    func run() throws {
        guard !file.contains("\n") else { throw UsageError("\(ForeignText.quoted(file.utf8)): no file name") }
        if let timeout { try Supervisor.start(timeout, .unhandled) }
        Supervisor.isPreparing("waiting for the run that serves \(folder)")
        do {
            let answer = try ControlClient.request(folder, file: file, write: words.isEmpty ? nil : words.joined(separator: " ") + "\n")
            guard answer.errno == 0 else {
                let allowed = answer.bytes.isEmpty ? "" : ": " + ForeignText.line(bytes: answer.bytes)
                Console.error("\(ForeignText.line(file)): \(String(cString: strerror(answer.errno)))\(allowed)")
                throw ExitStatus.expectation
            }
            Console.data(answer.bytes)
        } catch let error as DeviceFilesError { throw UsageError(error.description) }
    }
}
