// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import FoundationEssentials
import Glibc
import M4Board
import MachineBase

// Commands have names of their own: the parser makes one up by reflection else, which takes a fifth of the start.
@main
struct M4Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "m4run",
        abstract: "Run the STM32MP157's Cortex-M4 firmware on this computer, signed and unmodified.",
        discussion: """
            Exit status, of every command: 0 fine, 1 an expectation was not met, 2 the call, or a file or key it names, \
            3 the firmware faulted, 4 the image was refused or is none, 5 a limit was reached, 6 a breakpoint or watchpoint was hit, \
            7 --strict found something, 8 no --break or --watch was hit. A signal that ends a run without folders is its status (130 for SIGINT).
            """,
        version: BuildInfo.text,
        subcommands: [Run.self, GdbCommand.self, LinuxCommand.self, DoctorCommand.self, Control.self, Sign.self, Keygen.self, Inspect.self, Verify.self, Extract.self, Exec.self, Dt.self, ListCommand.self, Help.self])

    /// Usage errors are 2 here; the parser's own number is BSD's 64.
    static func main() {
        Supervisor.begin()
        // A reader that goes away, as in `m4run ... | head`, does not decide the exit status.
        signal(SIGPIPE, SIG_IGN)
        // Nor does a file that has reached its limit: the write says so. A handler, which other programs do not inherit.
        var size = sigaction()
        if sigaction(SIGXFSZ, nil, &size) == 0, size.__sigaction_handler.sa_handler == nil { signal(SIGXFSZ) { _ in } }
        openStandardDescriptors()
        Style.begin(CommandLine.arguments.dropFirst())
        do {
            try checkArguments()
            var command = try ProjectArguments.parse(Sign.gathered(Array(CommandLine.arguments.dropFirst())))
            HelpTopic.begin(command)
            Supervisor.expects(objectOf: (command as? any PrintsObject)?.objectName)
            try command?.run()
            ExitStatus.fine.leave()
        } catch let status as ExitStatus {
            HelpTopic.tell()
            status.leave()
        } catch let refusal as Refusal {
            fail(refusal.description, refusal.topic, .refused)
        } catch let mistake as any UserFacing {
            fail(mistake.description, mistake.topic, .usage)
        } catch {
            let code = exitCode(for: error)
            var text = fullMessage(for: error)
            if code == .success {
                if CommandLine.arguments.contains(where: { $0.hasPrefix("--generate-completion-script") }) { text = CompletionScript.withoutParsersHelp(text) }
                if !text.isEmpty { Console.data(text + "\n") }
                ExitStatus.fine.leave()
            }
            let prefix = "Error: "
            if text.hasPrefix(prefix) { text.removeFirst(prefix.count) }
            // The parser repeats words of the command line, which may have lines of their own.
            for word in CommandLine.arguments where word.contains("\n") {
                text = String(text.unicodeScalars.replacing(word.unicodeScalars, with: ForeignText.line(word).unicodeScalars))
            }
            if !text.isEmpty { Console.report(text) }
            // A code that a command chose itself stands.
            if error is ExitCode {
                HelpTopic.tell()
                Supervisor.leave(code.rawValue)
            }
            ExitStatus.usage.leave()
        }
    }

    private static func fail(_ complaint: String, _ topic: HelpTopic?, _ status: ExitStatus) -> Never {
        Console.error(complaint)
        if let image = Supervisor.expectedObject { Console.data(ShortReport(complaint, status, image: image).text + "\n") }
        HelpTopic.explains(topic)
        HelpTopic.tell()
        status.leave()
    }

    /// What was closed is /dev/null: the first file that is opened would be it else, and get what is written for people.
    private static func openStandardDescriptors() {
        for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
            // The lowest that is free, which is this one.
            if open("/dev/null", descriptor == 0 ? O_RDONLY : O_WRONLY) < 0 { _exit(ExitStatus.usage.rawValue) }
        }
    }

    /// A word that is not UTF-8 would name another file than the one that was meant.
    private static func checkArguments() throws {
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let word = CommandLine.unsafeArgv[index] else { continue }
            if String(validatingCString: word) == nil {
                throw UsageError("argument \(index) is no UTF-8: \(ForeignText.quoted(Array(UnsafeRawBufferPointer(start: word, count: strlen(word)))))")
            }
        }
    }
}
