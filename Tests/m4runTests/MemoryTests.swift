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
