// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import Testing

@Suite struct DebugfsTests {
    private func text(_ rig: Rig, _ file: String) throws(Errno) -> String { String(decoding: try rig.host.debugfsRead(file), as: UTF8.self) }

    @Test func `The files, their modes and what they show`() throws {
        let rig = Rig()
        try rig.host.start()
        rig.platform.remoteWrite(PhysicalAddress(0x1002_0000), Array("line\n\0rest".utf8))
        #expect(
            rig.host.debugfsFiles.map { "\($0.name) \(String($0.mode, radix: 8))" } == [
                "name 400", "recovery 600", "crash 200", "resource_table 400", "carveout_memories 400", "coredump 600", "trace0 400",
            ])
        #expect(try text(rig, "name") == "m4\n")
        #expect(try text(rig, "recovery") == "enabled\n")
        #expect(try text(rig, "coredump") == "disabled\n")
        #expect(try text(rig, "trace0") == "line\n")
        #expect(try text(rig, "resource_table") == rig.host.resourceTableText)
        #expect(try text(rig, "carveout_memories") == rig.host.carveoutText)
        for (file, errno) in [("crash", Errno.invalid), ("trace1", .noEntry), ("trace00", .noEntry), ("state", .noEntry)] {
            #expect(rig.errno { () throws(Errno) in _ = try rig.host.debugfsRead(file) } == errno, "\(file)")
        }
    }

    @Test(arguments: [
        ("enabled\n", nil), ("disabled", nil), ("e", nil), ("dis", nil), ("rec", nil), ("recover\n", nil), ("dis\n", Errno.invalid), ("", .invalid),
        ("on", .invalid), ("enabled\n\n", .invalid), ("disabledx", .invalid), ("recoverynow", .invalid),
    ]) func `A word without a newline may be cut short, with one it may not`(_ word: String, _ errno: Errno?) {
        let rig = Rig()
        #expect(rig.errno { () throws(Errno) in try rig.host.debugfsWrite("recovery", word) } == errno)
    }

    @Test func `The coredump file takes its words, and none while crashed`() throws {
        let rig = Rig { $0.recoveryEnabled = false }
        for (word, mode) in [("inline\n", CoredumpMode.inline), ("en", .enabled), ("d", .disabled)] {
            try rig.host.debugfsWrite("coredump", word)
            #expect(rig.host.coredump == mode)
        }
        #expect(rig.errno { () throws(Errno) in try rig.host.debugfsWrite("coredump", "default") } == .invalid)
        #expect(rig.log.last == "remoteproc remoteproc0: Invalid coredump configuration")
        #expect(rig.errno { () throws(Errno) in try rig.host.debugfsWrite("coredump", String(repeating: "x", count: 21)) } == .invalid)
        try rig.host.start()
        try rig.host.debugfsWrite("crash", "1")
        rig.platform.run(for: .milliseconds(1))
        #expect(rig.errno { () throws(Errno) in try rig.host.debugfsWrite("coredump", "inline") } == .busy)
        #expect(rig.log.last == "remoteproc remoteproc0: can't change coredump configuration")
    }

    @Test(arguments: [
        ("0", "mmufault"), ("1\n", "watchdog"), ("2", "fatal error"), ("3", "unknown"), ("0x2\n", "fatal error"), ("002", "fatal error"), ("+1", "watchdog"),
        (String(repeating: "0", count: 33) + "1", "watchdog"), (String(repeating: "0", count: 34) + "1", "mmufault"),
        ("4294967295", "unknown"),
    ]) func `A number written to crash is the crash's type, in any base`(_ number: String, _ type: String) throws {
        let rig = Rig()
        try rig.host.start()
        try rig.host.debugfsWrite("crash", number)
        #expect(rig.log.last == "remoteproc remoteproc0: crash detected in m4: type \(type)")
    }

    @Test(arguments: [
        ("", Errno.invalid), ("\n", .invalid), ("-1", .invalid), ("1x", .invalid), ("0x", .invalid), ("09", .invalid), (" 1", .invalid),
        ("4294967296", .outOfRange), ("99999999999999999999999", .outOfRange),
    ]) func `What is no unsigned number is no crash`(_ text: String, _ errno: Errno) {
        let rig = Rig()
        #expect(rig.errno { () throws(Errno) in try rig.host.debugfsWrite("crash", text) } == errno)
        #expect(!rig.log.contains { $0.contains("crash detected") })
    }

    @Test func `Read-only files and files that are not there refuse a write`() throws {
        let rig = Rig()
        #expect(rig.errno { () throws(Errno) in try rig.host.debugfsWrite("name", "x") } == .invalid)
        #expect(rig.errno { () throws(Errno) in try rig.host.debugfsWrite("trace0", "x") } == .noEntry)
    }
}

@Suite struct RemoteprocDeviceTests {
    @Test func `Words may be cut short, and have no newline`() throws {
        let rig = Rig()
        let device = try rig.host.openCharacterDevice()
        try device.write("st")
        #expect(rig.host.state == .running)
        try device.write("start")
        #expect(rig.host.power == 2)
        try device.write("sto")
        try device.write("stop")
        #expect(rig.host.state == .offline)
        for word in ["start\n", "", "startstopdetach", "go"] {
            #expect(rig.errno { () throws(Errno) in try device.write(word) } == .invalid, "\(word)")
        }
        #expect(rig.log.last == "remoteproc remoteproc0: Unrecognized option")
        #expect(rig.errno { () throws(Errno) in try device.write("d") } == .invalid)
        // Through this door a failed start leaves no "Boot failed".
        rig.fileError = .noEntry
        #expect(rig.errno { () throws(Errno) in try device.write("start") } == .noEntry)
        #expect(rig.log.last == "remoteproc remoteproc0: request_firmware failed: -2")
    }

    @Test func `Closing stops or lets go, where the flag says so`() throws {
        let rig = Rig()
        try rig.host.start()
        var device = try rig.host.openCharacterDevice()
        device.release()
        #expect(rig.host.state == .running)
        device = try rig.host.openCharacterDevice()
        #expect(try device.ioctl(RemoteprocCharacterDevice.getShutdownOnRelease) == 0)
        _ = try device.ioctl(RemoteprocCharacterDevice.setShutdownOnRelease, 7)
        #expect(try device.ioctl(RemoteprocCharacterDevice.getShutdownOnRelease) == 1)
        #expect(rig.errno { () throws(Errno) in _ = try device.ioctl(0x4004_B703) } == .invalid)
        #expect(rig.log.last == "remoteproc remoteproc0: Unsupported ioctl")
        device.release()
        #expect(rig.host.state == .offline)

        let early = Rig(bootLoader: true)
        try early.host.start()
        let attached = try early.host.openCharacterDevice()
        _ = try attached.ioctl(RemoteprocCharacterDevice.setShutdownOnRelease, 1)
        attached.release()
        #expect(early.host.state == .detached)
    }
}
