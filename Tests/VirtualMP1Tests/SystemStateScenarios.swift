// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import M4Board
import MachineBase
import RprocHost
import Testing
import VirtualMP1

/// Lives of a system in small steps, between any two of which it is saved.
extension SystemStateTests.Scenario {
    static let all: [Self] =
        BootSequence.allCases.map { echo($0, .rings) } + [echo(.elf, .off), echo(.elf, .writers), endpoints(.teeV3), channels, raws, kicks, full, silent, sample, traces, attached(.elf), attached(.teeV3), second]
        + BootSequence.allCases.flatMap { [crash($0, "undef"), crash($0, "watchdog")] } + [inlineDump, ended, brokenRules, garbage(.elf), garbage(.teeOps)]

    /// Messages of both ttys under way, what came half read, a stop and a second start.
    private static func echo(_ boot: BootSequence, _ sanitizing: Sanitizing) -> Self {
        Self(
            name: "echoes, sanitizer \(sanitizing)", firmware: "tty-echo", boot: boot,
            configure: { $0.sanitizing = M4Board.recordsAccesses ? sanitizing : .rings },
            steps: [start("tty-echo")] + run(700, 1) + [{ $0.say("one\n") }] + run(3, 11)
                + [{ play in for number in 0..<5 { play.say("line \(number)\n", tty: number % 2) } }] + run(7, 40)
                + [{ play in play.note { "\(try Terminal.opened(play.system, 0).readLine())" } }]
                + run(2_000)
                + [{ $0.read() }, { $0.read(tty: 1) }, { try $0.system.stop() }, { $0.say("gone") }, start("tty-echo")] + run(30, 1_000)
                + [{ $0.say(String(repeating: "long", count: 300)) }] + run(50, 3_000) + [{ $0.read() }, { try $0.system.stop() }])
    }

    /// Endpoints that programs make, at addresses of their own and at free ones; open, closed, and open beyond the bus's end.
    private static func endpoints(_ boot: BootSequence) -> Self {
        Self(
            name: "endpoints", firmware: "tty-echo", boot: boot,
            steps: [
                start("tty-echo"), { $0.run(microseconds: 2_000) }, { _ = try $0.system.openEndpoint("mine", destination: 0x400) },
                { play in play.note { try play.raw(0).send([1, 2, 3]); return "sent" } },
                { _ = try $0.system.openEndpoint("other", source: 0x700, destination: 0x401) },
                { play in for number in 0..<40 { play.note { try play.raw(number % 2).send([UInt8(number)]); return "sent" } } },
                { play in play.note { "\(try play.raw(0).receive())" } }, { $0.run(microseconds: 300) },
                { play in play.note { "\(try play.raw(1).receive()) \(try play.raw(0).device.available)" } },
                { play in try play.raw(0).close() }, { play in play.note { try play.raw(0).device.open(); return "opened" } },
                { play in try play.raw(0).device.destroy() }, { try $0.system.stop() }, { play in play.note("left \(play.system.linux.raw.left.map(\.index))") },
                start("tty-echo"), { $0.run(microseconds: 2_000) }, { _ = try $0.system.openEndpoint("late", destination: 0x400) },
                { play in play.note("\(play.system.linux.raw.nodes.map { $0?.name ?? "-" })") },
                { play in for node in play.system.linux.raw.left { node.close() } },
                { play in play.note { try play.system.linux.rpmsgControl()?.createEndpoint("again", destination: 0x401).name ?? "none" } },
            ])
    }

    /// Channels that programs make and release, raw ones among them, told to the firmware or not.
    private static let channels = Self(
        name: "channels", firmware: "tty-echo",
        steps: [
            start("tty-echo"), { $0.run(microseconds: 2_000) },
            { try $0.system.linux.rpmsgControl()?.createChannel("rpmsg-raw", source: Rpmsg.anyAddress, destination: 0x400) },
            { play in play.note { try play.raw(0).device.open(); return "opened" } },
            { play in play.note { try play.raw(0).send(Array("raw".utf8)); return "sent" } }, { $0.run(microseconds: 20) },
            { try $0.system.linux.rpmsgControl()?.createChannel("rpmsg-tty", source: 0x555, destination: 0x401) }, { $0.run(microseconds: 500) },
            { play in play.note { "\(try play.raw(0).receive())" } }, { $0.say("third\n", tty: 2) }, { $0.run(microseconds: 300) }, { $0.read(tty: 2) },
            { try $0.system.linux.rpmsgControl()?.createChannel("nobody", source: 0x600, destination: 0x402) },
            { try $0.system.linux.rpmsgControl()?.releaseChannel("rpmsg-tty", source: 0x555) }, { $0.run(microseconds: 300) },
            { try $0.system.linux.rpmsgControl()?.releaseChannel("rpmsg-raw") },
            { play in play.note("\(play.system.linux.busEntries) left \(play.system.linux.raw.left.map(\.index))") }, { $0.say("first\n") },
            { $0.run(microseconds: 500) }, { $0.read() },
        ])

    /// Doorbells lost, late and held back, by numbers from a seed.
    private static let kicks = Self(
        name: "kick faults", firmware: "tty-echo",
        configure: {
            $0.linux.kickFaults = [
                KickFault(.drop, .toFirmware, ring: 1, .random(oneIn: 3, seed: 7)), KickFault(.delay(.milliseconds(2)), .toLinux, .random(oneIn: 2, seed: 9)),
                KickFault(.coalesce(count: 2), .toFirmware, .every(3)),
            ]
        },
        steps: [start("tty-echo")] + run(3_000)
            + (0..<12).flatMap { number in
                [{ $0.say("message \(number)\n", tty: number % 2) }] + run(number % 3 == 0 ? 900 : 150)
            } + run(30_000) + [{ $0.read() }, { $0.read(tty: 1) }, { $0.note("\($0.system.linux.kickFaultCount)") }])

    /// The firmware takes nothing: buffers run out, and the mailbox's queue is full.
    private static let full = Self(
        name: "full rings", firmware: "ring-faults",
        configure: { $0.linux.timing.sendDuration = .zero },
        steps: [start("ring-faults")] + run(2_000) + [{ $0.say("full\n") }] + run(5, 200, 3_000)
            + [{ play in for number in 0..<9 { play.say("\(number)") } }] + run(4, 60, 1_000) + [{ $0.read() }] + run(20_000))

    private static let silent = Self(
        name: "a firmware that hangs", firmware: "crasher",
        configure: { $0.linux.timing.shutdownTimeout = .milliseconds(5) },
        steps: [start("crasher")] + run(2_000) + [{ $0.say("spin\n") }] + run(100)
            + [{ play in
                guard let port = play.system.linux.tty.port(0) else { return }
                for number in 0..<400 { play.note { try Array("\(number)".utf8).withUnsafeBytes { "\(try port.write($0))" } } }
            }] + run(100) + [{ play in play.note { try play.system.linux.tty.port(0)?.writeAll("more", timeout: .milliseconds(3)); return "sent" } }]
            + run(1_500_000) + [{ $0.note("\($0.system.linux.findings.kept)") }, { try $0.system.stop() }])

    private static let sample = Self(
        name: "the kernel's sample client", firmware: "client-sample", configure: { $0.linux.clientSampleCount = 12 },
        steps: [start("client-sample")] + run(40, 300, 60, 60, 60, 200, 1_000, 5_000) + [{ try $0.system.stop() }])

    /// Lines of a trace buffer that is written round and round, halves of them seen.
    private static let traces = Self(
        name: "traces", firmware: "crasher",
        steps: [start("crasher")] + run(2_000) + [{ $0.say("chatter\n") }] + run(1, 3, 1, 500, 17, 2_000, 40_000, 1) + [{ $0.read() }])

    /// Attached to, let go where the kernel can, and attached to again.
    private static func attached(_ boot: BootSequence) -> Self {
        Self(
            name: "firmware of the boot loader's", firmware: "tty-echo", boot: boot,
            configure: { $0.bootLoaderFirmware = FirmwareImage(try Samples.elf("tty-echo")) },
            steps: [{ try $0.system.attach() }] + run(1_000) + [{ $0.say("one\n") }] + run(5, 400)
                + [{ $0.read() }, { play in play.note { try play.system.detach(); return "detached" } }] + run(500)
                + [{ try $0.system.attach() }] + run(20, 2_000) + [{ $0.say("two\n") }] + run(300) + [{ $0.read() }, { try $0.system.stop() }])
    }

    /// Firmware whose services are raw devices, one of them open beyond a stop.
    private static let raws = Self(
        name: "raw devices", firmware: "sensor", configure: { $0.linux.channelBindings = [ChannelBinding(name: "example-sensor", driver: .raw)] },
        steps: [
            start("sensor"), { $0.run(microseconds: 2_000) }, { play in try play.raw(0).device.open() }, { play in play.note { try play.raw(0).send([1]); return "sent" } },
            { $0.run(microseconds: 30) }, { play in play.note { try play.raw(1).send([2, 0, 0, 0]); return "sent" } }, { $0.run(microseconds: 5_000) },
            { play in play.note { "\(try play.raw(0).receive(within: .milliseconds(2)))" } }, { try $0.system.stop() }, start("sensor"), { $0.run(microseconds: 2_000) },
            { play in play.note("\(play.system.linux.raw.nodes.map { $0?.name ?? "-" }) \(play.system.linux.raw.left.map(\.name))") },
            { play in play.system.linux.raw.left.first?.close() }, { play in play.note { try play.raw(1).device.open(); return "opened" } },
            { play in play.note { "\(try play.raw(1).receive(within: .milliseconds(2)))" } },
        ])

    /// Firmware that writes garbage into rings, buffers and table.
    private static func garbage(_ boot: BootSequence) -> Self {
        Self(
            name: "garbage", firmware: "ring-faults", boot: boot, configure: { $0.recoveryLimit = 1 },
            steps: [start("ring-faults")] + run(2_000)
                + (1...4).flatMap { number in
                    [{ $0.say("\(number % 2 == 0 ? "calm" : "random") \(number)\n") }] + run(40, 700, 9_000)
                } + [{ $0.note("\($0.system.linux.findings.kept)") }, { play in play.note { try play.system.stop(); return "stopped" } }])
    }

    /// Older kernels count, wait and say otherwise, and sysfs has been written to.
    private static let second = Self(
        name: "an older kernel", firmware: "tty-echo", boot: .elf,
        configure: {
            $0.linux.kernel = .v5_15
            $0.linux.timing.interruptLatency = .zero
        },
        steps: [{ try $0.system.linux.sysfsWrite(.coredump, "enabled") }, start("tty-echo")] + run(1_500)
            + [{ $0.say("one\n") }] + run(2, 2, 2, 100) + [
                { try $0.system.linux.sysfsWrite(.recovery, "disabled") }, { try $0.system.linux.debugfsWrite("crash", "1") },
            ] + run(10, 300) + [{ try $0.system.linux.sysfsWrite(.recovery, "recover") }] + run(2_000)
            + [{ $0.say("two\n") }] + run(300) + [{ $0.read() }, { try $0.system.stop() }])

    /// Crashes and recoveries, with a core dump and a device that is open throughout.
    private static func crash(_ boot: BootSequence, _ word: String) -> Self {
        Self(
            name: "recovery from \(word)", firmware: "crasher", boot: boot,
            configure: {
                $0.recoveryLimit = 3
                $0.linux.coredump = .enabled
                $0.coredumpHasRegisters = true
            },
            steps: [start("crasher")] + run(2_000)
                + [{ _ = try $0.system.openEndpoint("mine", destination: 0x400) }, { play in try play.raw(0).send([7]) }, { $0.say(word + "\n") }]
                + run(20, 30, 80, 500, 20_000, 60_000) + [{ $0.say("still there\n") }] + run(15, 400)
                + [{ $0.read() }, { $0.note("\($0.system.crashes) \($0.system.isRecovering) \($0.system.linux.raw.left.map(\.index))") }, { $0.say(word + "\n") }]
                + run(100_000) + [{ $0.read() }, { try $0.system.stop() }])
    }

    /// A recovery that waits, with the lock in its hand, until somebody has read its dump.
    private static let inlineDump = Self(
        name: "an inline core dump", firmware: "crasher",
        configure: {
            $0.recoveryLimit = 3
            $0.linux.coredump = .inline
        },
        prepare: { $0.linux.coredumpTaken = { _ in .kept } },
        steps: [start("crasher")] + run(2_000) + [{ $0.say("bus\n") }] + run(200, 3_000)
            + [{ $0.note("\($0.system.linux.waitsForCoredump)") }, { $0.system.linux.freeCoredump() }] + run(30, 3_000) + [{ $0.say("back\n") }] + run(400) + [{ $0.read() }])

    /// A fault that nobody recovers from, and a start behind it.
    private static let ended = Self(
        name: "a fault that ends the run", firmware: "crasher", boot: .teeOps,
        steps: [start("crasher")] + run(2_000) + [{ $0.say("divzero\n") }] + run(100, 100)
            + [{ $0.note("\(String(describing: $0.system.stopReason))") }, { try? $0.system.stop() }, { try $0.system.start(Samples.signed("tty-echo")) }] + run(2_000)
            + [{ $0.say("anew\n") }] + run(300) + [{ $0.read() }])

    /// Firmware that breaks rules of rings and messages, one after the other.
    private static let brokenRules = Self(
        name: "broken rules", firmware: "ring-faults",
        configure: { $0.sanitizing = M4Board.recordsAccesses ? .writers : .rings },
        steps: [start("ring-faults")] + run(2_000)
            + ["flags", "reserved", "leak", "next", "late", "no-kick", "random 5"].flatMap { word in [{ $0.say(word + "\n") }] + run(9, 900) }
            + run(1_100_000) + [{ $0.note("\($0.system.linux.findings.kept)") }, { $0.read() }, { try $0.system.stop() }])
}
