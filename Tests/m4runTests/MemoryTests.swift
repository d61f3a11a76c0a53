// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// How much memory a run takes, however much is said.
@Suite struct MemoryTests {
    @Test("A run whose firmware sends thirty megabytes keeps none of them, and still finds what is expected at their end", .needs(.python), arguments: [[], ["--json"]])
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

    @Test("An image of 150 MB is in memory once, whatever is done with it", .needs(.python), .needsEngine21)
    func largeImages() throws {
        let size = 150_000_000
        let elf = Scratch.path("large.elf"), signed = Scratch.path("large.signed"), pack = Scratch.path("large.pack")
        try Scratch.write(Scratch.bytes(Scratch.elf("tty-echo")), "large.elf")
        // Behind the last section, where nothing looks.
        #expect(truncate(elf, off_t(size)) == 0)
        let key = Scratch.path(try Scratch.key()), privateKey = key.replacingOccurrences(of: "public", with: "private")
        defer { for path in [elf, signed, pack] { unlink(path) } }
        var peaks: [String: Int] = [:]
        func measure(_ arguments: String...) throws { peaks[arguments[0], default: 0] = max(peaks[arguments[0], default: 0], try peak(arguments)) }
        try measure("sign", "--in", elf, "--key", privateKey, "--out", signed)
        try measure("verify", signed, "--key", key)
        try measure("inspect", signed, "--key", key)
        try measure("inspect", elf, "--json")
        try measure("extract", signed, "-o", Scratch.path("large"), "--key", key)
        try FileManager.default.removeItem(atPath: Scratch.path("large"))
        try measure("run", signed, "--key", key, "--for", "2ms")
        try measure("run", elf, "--boot", "elf", "--for", "2ms")
        // Where firmware is read from the file again at each boot.
        let folder = try ServedRun.newFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try measure("run", signed, "--key", key, "--for", "2ms", "--control", folder.path, "--no-fuse")
        try measure("run", elf, "--boot", "elf", "--for", "2ms", "--control", folder.path, "--no-fuse")
        try measure("exec", elf, "--for", "2ms", "--quiet")
        // Piece by piece: the kernel counts what this process holds when a child begins as the child's.
        var info = stat()
        let isThere = stat(signed, &info) == 0
        #expect(isThere)
        let length = (0..<4).map { UInt8(truncatingIfNeeded: Int(info.st_size) >> ($0 * 8)) }
        _ = FileManager.default.createFile(atPath: pack, contents: Data([1, 0, 0, 0] + length + [0x61]))
        let source = try #require(FileHandle(forReadingAtPath: signed)), target = try #require(FileHandle(forWritingAtPath: pack))
        _ = try target.seekToEnd()
        while let part = try source.read(upToCount: 1 << 20), !part.isEmpty { try target.write(contentsOf: part) }
        try target.close()
        try measure("verify", "--batch", pack, "--key", key)
        // KiB; the rest is the program and the machine.
        for (command, peak) in peaks { #expect(peak < size / 1024 + 60_000, "\(command): \(peak) KiB") }
    }

    /// The largest resident set, in KiB, of a run that is sent `count` lines.
    private func peak(_ line: String, _ count: Int, _ more: [String]) throws -> Int {
        let input = try Scratch.file("input")
        for _ in 0..<count / 1000 { try input.handle.write(contentsOf: Data(String(repeating: line, count: 1000).utf8)) }
        try input.handle.write(contentsOf: Data("the end of it\n".utf8))
        let peak = try peak(
            ["run", Scratch.path(try Scratch.elf("tty-echo")), "--boot", "elf", "--log-level", "quiet", "--interactive", "--expect", "end of it"] + more,
            input: input.url.path)
        _ = try input.text()
        return peak
    }

    /// The largest resident set, in KiB, of `m4run` with `words`, which must end by itself.
    private func peak(_ words: [String], input: String = "/dev/null") throws -> Int {
        // The kernel counts what a process held before its exec as the new program's: Python, which is small, comes between.
        let report = try Scratch.file("peak")
        let script = "import resource, subprocess, sys; r = subprocess.call(sys.argv[2:], stderr=subprocess.DEVNULL); "
            + "open(sys.argv[1], 'w').write(f'{r} {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}')"
        let python = try #require(Tool.python.file)
        let arguments = [python, "-c", script, report.url.path, try Command.binary().path] + words
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var child: pid_t = 0, status: Int32 = 0
        try #require(posix_spawn(&child, arguments[0], &actions, nil, &argv, environ) == 0)
        try #require(wait4(child, &status, 0, nil) == child && status == 0, "\(words)")
        let numbers = try report.text().split(separator: " ").compactMap { Int($0) }
        try #require(numbers.count == 2 && numbers[0] >= 0, "\(words) was ended by a signal")
        return numbers[1]
    }
}
