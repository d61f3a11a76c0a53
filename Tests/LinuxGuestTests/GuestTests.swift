// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CLinuxBridge
import Foundation
import LinuxGuest
import MachineBase
import TestSupport
import Testing

/// Debian's kernels in QEMU, beside a board that lets every store go on and writes it down.
@Suite(.needsQEMU, .needsBridge, .serialized) struct GuestTests {
    @Test("Debian 12's kernel starts and stops firmware: stores, memory and the script's status", .needsLinux("bookworm"))
    func bookworm() throws { try startsAndStops("bookworm") }

    @Test("Debian 13's kernel starts and stops firmware: stores, memory and the script's status", .needsLinux("trixie"))
    func trixie() throws { try startsAndStops("trixie") }

    private func startsAndStops(_ suite: String) throws {
        var configuration = try Guests.configuration(suite, script: """
            cd /sys/class/remoteproc/remoteproc0
            cat name state
            echo echo.elf > firmware
            echo start > state && cat state
            echo stop > state && cat state
            echo exit 0 >&9
            exit 7
            """)
        let firmware = try TestEnvironment.sample("tty-echo")
        configuration.extraFiles = [GuestFile("lib/firmware/echo.elf", firmware)]
        let guest = try Guest(configuration)
        let board = RecordingBoard(guest.memory)
        let running = try guest.start()
        let console = Collector(running.console), output = Collector(running.output ?? -1)
        let ending = running.wait(milliseconds: 120_000)
        running.kill()
        let said = output.whole()
        #expect(ending == .exit(7), "\(console.whole())")
        #expect(said.hasPrefix("m4\noffline\nrunning\noffline\n"), "\(said)")

        // Start: allow no standby, release the boot and hold it for the next time. Then a doorbell, and the stop's own channel.
        let stores = board.stores
        func values(_ word: GuestLayout.Word) -> [UInt32] { stores.filter { $0.word == word }.map(\.value) }
        #expect(values(.holdBoot) == [1, 0, 0] || values(.holdBoot) == [1, 0], "\(stores)")
        #expect(values(.reset) == [2], "\(stores)")
        #expect(values(.powerDown) == [1], "\(stores)")
        #expect(values(.ipcc(8)) == [1 << 16, 1 << 18], "\(stores)")
        #expect(stores.allSatisfy { $0.word != nil }, "\(stores)")
        // Vectors at the M4's address 0, as the first loaded segment has them.
        let offset = firmware.word(firmware.word(28) + 4)
        let vectors = try bytes(guest.memory.descriptor(.memory("RETRAM")), count: 64)
        #expect(vectors == Array(firmware[Int(offset)..<Int(offset) + 64]))
    }

    private func bytes(_ descriptor: Int32, count: Int) throws -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        try #require(pread(descriptor, &result, count, 0) == count)
        return result
    }

    @Test("The console is a shell; its status is the guest's", .needsLinux("bookworm"))
    func console() throws {
        var configuration = try Guests.configuration("bookworm")
        configuration.kernelArguments = ["quiet", "LINES=33", "COLUMNS=120"]
        let guest = try Guest(configuration)
        let board = RecordingBoard(guest.memory), running = try guest.start(), console = Collector(running.console)
        try #require(console.waits(for: "# "), "\(console.text)")
        type("stty size; echo $((6 * 7)); exit 3\n", running)
        #expect(running.wait(milliseconds: 60_000) == .exit(3))
        #expect(running.reports() == [.ready(release: configuration.files.release), .exit(3)])
        #expect(console.text.contains("33 120"), "\(console.text)")
        #expect(console.text.contains("42"), "\(console.text)")
        #expect(!board.stores.isEmpty)
    }

    @Test("Words of power: poweroff, reboot and a panic end the guest, and it says which", .needsLinux("bookworm"), arguments: [
        ("poweroff", GuestEnding.poweredOff), ("reboot", .reboot), ("reboot -f", .reset), ("echo c > /proc/sysrq-trigger", .reset),
    ])
    func powerOff(_ command: String, _ expected: GuestEnding) throws {
        var configuration = try Guests.configuration("bookworm")
        configuration.kernelArguments = ["quiet"]
        configuration.storesWait = false
        let running = try Guest(configuration).start(), console = Collector(running.console)
        try #require(console.waits(for: "# "), "\(console.text)")
        type(command + "\n", running)
        #expect(running.wait(milliseconds: 60_000) == expected, "\(console.text)")
    }

    @Test("A pulse of the watchdog's line is a crash that Linux recovers from", .needsLinux("bookworm"))
    func watchdog() throws {
        var configuration = try Guests.configuration("bookworm", script: """
            echo echo.elf > /sys/class/remoteproc/remoteproc0/firmware
            echo start > /sys/class/remoteproc/remoteproc0/state
            echo up
            for i in $(seq 100); do dmesg | grep -q 'recovering m4' && break; usleep 50000; done
            dmesg | grep -c 'crash detected in m4: type watchdog'
            """)
        configuration.extraFiles = [GuestFile("lib/firmware/echo.elf", try TestEnvironment.sample("tty-echo"))]
        let guest = try Guest(configuration)
        let board = RecordingBoard(guest.memory), running = try guest.start()
        let console = Collector(running.console), output = Collector(running.output ?? -1)
        try #require(output.waits(for: "up\n"), "\(console.text)")
        running.pulseInterrupt(GuestLayout.watchdogInterrupt)
        #expect(running.wait(milliseconds: 60_000) == .exit(0), "\(console.text)")
        #expect(output.whole() == "up\n1\n", "\(console.text)")
        #expect(board.stores.filter { $0.word == .reset }.count >= 1)
    }

    @Test("A guest whose board has gone goes on", .needsLinux("bookworm"))
    func boardless() throws {
        let guest = try Guest(Guests.configuration("bookworm", script: "exit 5"))
        let running = try guest.start(), console = Collector(running.console)
        linux_bridge_close(guest.memory.page)
        #expect(running.wait(milliseconds: 60_000) == .exit(5), "\(console.text)")
    }

    @Test("A folder of the host's is at /mnt/host", .needsLinux("bookworm"))
    func share() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("m4run share, \(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("from the host\n".utf8).write(to: folder.appendingPathComponent("in"))
        var configuration = try Guests.configuration("bookworm", script: "cat /mnt/host/in && echo from the guest > /mnt/host/out")
        configuration.share = folder.path
        configuration.storesWait = false
        let running = try Guest(configuration).start()
        let console = Collector(running.console), output = Collector(running.output ?? -1)
        #expect(running.wait(milliseconds: 60_000) == .exit(0), "\(console.text)")
        #expect(output.whole() == "from the host\n")
        #expect(try String(contentsOf: folder.appendingPathComponent("out"), encoding: .utf8) == "from the guest\n")
    }

    @Test("What is no kernel is named by what QEMU says; QEMU that is not there by what installs it", .needsLinux("bookworm"))
    func refusals() throws {
        var configuration = try Guests.configuration("bookworm")
        configuration.kernel = "/nonexistent"
        let guest = try Guest(configuration)
        let start = Date()
        #expect { try guest.start() } throws: { "\($0)".contains("/nonexistent") }
        #expect(Date().timeIntervalSince(start) < 20)
        configuration.qemu = "/nonexistent/qemu-system-arm"
        #expect(throws: GuestError.program("/nonexistent/qemu-system-arm", advice: "scripts/setup qemu")) { try Guest(configuration) }
    }

    @Test("A guest that is let go of leaves no process", .needsLinux("bookworm"))
    func lettingGo() throws {
        var pid: Int32 = 0
        do {
            var configuration = try Guests.configuration("bookworm")
            configuration.storesWait = false
            pid = try Guest(configuration).start().processNumber ?? 0
        }
        try #require(pid > 0)
        for _ in 0..<500 where kill(pid, 0) == 0 { usleep(10_000) }
        #expect(kill(pid, 0) != 0)
    }

    private func type(_ text: String, _ guest: RunningGuest) {
        let bytes = Array(text.utf8)
        #expect(write(guest.console, bytes, bytes.count) == bytes.count)
    }
}

extension [UInt8] {
    /// A word of an ELF file.
    func word(_ offset: UInt32) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(self[Int(offset) + $1]) << (8 * UInt32($1)) } }
}
