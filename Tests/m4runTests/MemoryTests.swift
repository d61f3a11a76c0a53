import Foundation
import Testing

/// How much memory a run takes, however much is said.
@Suite struct MemoryTests {
    @Test("A run whose firmware sends thirty megabytes keeps none of them, and still finds what is expected at their end", arguments: [[], ["--json"]])
    func flat(more: [String]) throws {
        let line = String(repeating: "m", count: 488) + "\n"
        let short = try peak(line, 1000, more), long = try peak(line, 60_000, more)
        // KiB; --json has a MiB of it, and prints it with its escapes.
        #expect(long < short + 12_000, "\(short) KiB after 1000 messages, \(long) KiB after 60000")
    }

    @Test("A run that is stopped and started, and crashes and recovers, again and again, stays as large as it was")
    func rounds() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse", "--log-level", "error")
        try run.wait(for: "dev/ttyRPMSG1")
        // A round of each: the terminals come anew, and answer.
        let rounds = """
            for i in $(seq 20); do
                $M4RUN ctl $DIR state stop && $M4RUN ctl $DIR state start && $M4RUN ctl $DIR crash 2 || exit 1
            done
            """
        func more(_ count: Int) throws {
            for _ in 0..<count { #expect(try run.shell(rounds) == (0, "")) }
            try ServedRun.wait("answer") { (try? OpenTerminal(run.path("dev/ttyRPMSG0")).ask("still\n")) == "still\n" }
        }
        try more(2)
        let before = try run.resident()
        try more(6)
        let growth = try run.resident() - before
        #expect(growth < 1 << 20, "\(growth) bytes in 120 rounds")
        let descriptors = try run.descriptors()
        try more(1)
        #expect(try run.descriptors() == descriptors)
        let end = try run.end()
        #expect(end.status == 0 && end.err.contains("crash detected in m4"), "\(end.err.suffix(1000))")
        #expect(end.err.components(separatedBy: ": handling crash #").count == 181)
    }

    /// The largest resident set, in KiB, of a run that is sent `count` lines.
    private func peak(_ line: String, _ count: Int, _ more: [String]) throws -> Int {
        let input = try Scratch.file("input")
        for _ in 0..<count / 1000 { try input.handle.write(contentsOf: Data(String(repeating: line, count: 1000).utf8)) }
        try input.handle.write(contentsOf: Data("the end of it\n".utf8))
        let arguments = [try Command.binary().path, "run", Scratch.path(try Scratch.elf("tty-echo")), "--boot", "elf", "--log-level", "quiet", "--interactive", "--expect", "end of it"] + more
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input.url.path, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var child: pid_t = 0, status: Int32 = 0, usage = rusage()
        try #require(posix_spawn(&child, arguments[0], &actions, nil, &argv, environ) == 0)
        try #require(wait4(child, &status, 0, &usage) == child && status == 0)
        _ = try input.text()
        return usage.ru_maxrss
    }
}
