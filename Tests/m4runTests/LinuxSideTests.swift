// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// What `m4run linux` tells and keeps of the M4 beside a real Linux, and what it ends with.
@Suite(.serialized) struct LinuxSideTests {
    private static let folder = Scratch.package.path + "/.deps/linux/bookworm"
    private static func linux(_ script: String, _ options: [String], sample: String) throws -> Command.Result {
        let file = try Scratch.write(Array(script.utf8), "side-\(UInt32.random(in: 0...UInt32.max)).sh")
        return try Command.run(["linux", try Scratch.elf(sample), "--run", file, "--linux", folder, "--timeout", "150s"] + options, in: Scratch.folder)
    }
    /// `tty` is the first that is there. The kernel makes its file a moment before it can be opened.
    private static let findTTY = """
        find_tty() {
            tty= tries=0
            while [ -z "$tty" ] && [ $tries -lt 200 ]; do
                for one in /dev/ttyRPMSG[0-9]; do [ -c "$one" ] && stty -F "$one" raw -echo 2>/dev/null && tty=$one && break; done
                [ -n "$tty" ] || usleep 20000
                tries=$((tries + 1))
            done
        }
        # As descriptor 3. Where the device has just gone the shell makes a file of its name.
        open_tty() {
            opened=0
            while [ $opened -lt 50 ]; do
                find_tty
                # A failing exec would end the script.
                if [ -c "$tty" ] && (exec 3<>"$tty") 2>/dev/null; then
                    exec 3<>"$tty"
                    [ -c /proc/self/fd/3 ] && return
                    exec 3>&-
                fi
                usleep 20000
                [ ! -f "$tty" ] || rm "$tty"
                opened=$((opened + 1))
            done
            echo 'no tty could be opened' >&2
            exit 99
        }
        control=/sys/class/remoteproc/remoteproc0

        """

    @Test("Firmware that breaks a rule of rpmsg's is found out beside a real Linux, and the finding names the function that did", .needsLinuxGuest, .needsEngine21)
    func sanitizer() throws {
        // Words of firmware-samples/ring-faults, but for what a real Linux may make good before it is seen.
        let rules = [
            ("descriptor", "descriptor-rewritten", "fault_descriptor"), ("available", "available-ring-rewritten", "fault_available"),
            ("back", "used-index-went-back", "vring_give_back"), ("beyond", "used-index-beyond-available", "vring_give_back"),
            ("id", "used-id-out-of-range", "vring_give_back"), ("twice", "buffer-returned-twice", "vring_give_back"), ("never", "buffer-never-given", "vring_give_back"),
            ("long", "used-length-beyond-buffer", "vring_give_back"), ("short", "used-length-short", ""), ("leak", "buffer-not-returned", ""),
            ("kick", "spurious-kick", "vring_give_back"), ("deaf", "channel-not-cleared", ""), ("scribble", "read-only-buffer-written", "fault_scribble"),
            ("hosts", "hosts-buffer-written", "fault_hosts"), ("status", "table-rewritten", "fault_status"), ("address", "table-rewritten", "fault_address"),
            ("reserved", "header-reserved", ""), ("flags", "header-flags", ""), ("source", "source-address", ""), ("ns-size", "announcement-size", ""),
            ("ns-name", "announcement-name", ""), ("ns-flags", "announcement-flags", ""), ("ns-address", "announcement-address", ""), ("ns-twice", "announced-twice", ""),
        ]
        let script = Self.findTTY + """
            for word in \(rules.map(\.0).joined(separator: " ")); do
                echo start >$control/state
                open_tty
                echo hello >&3; read -t 10 line <&3
                echo $word >&3; read -t 10 line <&3
                [ $word != deaf ] || { usleep 100000; echo 'hello?' >&3; }
                case $word in deaf | leak) sleep 2 ;; *) usleep 150000 ;; esac
                exec 3>&-
                echo stop >$control/state
                gone=0
                while ls /dev/ttyRPMSG[0-9] >/dev/null 2>&1 && [ $gone -lt 500 ]; do usleep 20000; gone=$((gone + 1)); done
            done
            """
        let result = try Self.linux(script, ["--sanitize", "--strict", "--offline"], sample: "ring-faults")
        #expect(result.status == 7 && result.err.contains("--strict: "), "\(result.err)")
        let starts = result.err.components(separatedBy: "m4: started by Linux\n").dropFirst()
        try #require(starts.count == rules.count, "\(result.err)")
        for (rule, said) in zip(rules, starts) {
            let first = said.split(separator: "\n").first { $0.contains("] m4run: ") }.map(String.init) ?? ""
            #expect(first.contains(" \(rule.1): ") && (rule.2.isEmpty || first.contains(rule.2)), "\(rule.0): \(said)")
        }
    }

    @Test("Firmware that breaks no rule is found guilty of none, with changing images, and each is known by its own names", .needsLinuxGuest, .needsEngine21)
    func innocent() throws {
        let overlay = Scratch.path("side-overlay")
        try FileManager.default.createDirectory(atPath: overlay + "/lib/firmware", withIntermediateDirectories: true)
        for name in ["tty-echo-st-layout", "swift-echo"] {
            try Data(Scratch.bytes(Scratch.elf(name))).write(to: URL(fileURLWithPath: overlay + "/lib/firmware/\(name).elf"))
        }
        let script = Self.findTTY + """
            for name in tty-echo tty-echo-st-layout swift-echo; do
                echo stop >$control/state; echo $name.elf >$control/firmware; echo start >$control/state
                open_tty
                number=0
                while [ $number -lt 100 ]; do echo hello $number >&3; read -t 5 line <&3 || exit 3; number=$((number + 1)); done
                echo "$name: $line"
                exec 3>&-
            done
            """
        let result = try Self.linux(script, ["--sanitize", "--strict", "--overlay", overlay, "--doctor"], sample: "tty-echo")
        #expect(result.out == "tty-echo: hello 99\ntty-echo-st-layout: hello 99\nswift-echo: hello 99\n", "\(result.err)")
        #expect(result.status == 0, "\(result.err)")
        #expect(result.err.contains(" m4: started by Linux: swift-echo.elf\n"), "\(result.err)")
        #expect(result.err.contains("] trace0: driver ready, rings of 16\n"), "\(result.err)")
        #expect(result.err.contains("doctor: nothing is in the way\n") && result.err.contains("announced: rpmsg-tty"), "\(result.err)")
    }

    private static let crash = findTTY + """
        crash() {
            find_tty
            echo $1 >$tty
            sleep 1
            cat $control/state
        }

        """

    @Test("With --recover Linux recovers from a fault, and one more than allowed ends the run; the core dump is of the first", .needsLinuxGuest, .needs(.gdb))
    func recovery() throws {
        let dump = Scratch.path("side-core")
        let result = try Self.linux(Self.crash + "crash bus; crash undef; echo over\n", ["--recover", "1", "--coredump", dump, "--quiet"], sample: "crasher")
        #expect(result.out == "running\n", "\(result.err)")
        #expect(result.status == 3, "\(result.err)")
        #expect(result.err.contains("BusFault (PRECISERR)") && result.err.contains("UsageFault (UNDEFINSTR)"), "\(result.err)")
        #expect(result.err.contains("the firmware crashed again at ") && result.err.contains("after as many recoveries as are allowed (1)"), "\(result.err)")
        let debugger = Process(), output = try Scratch.file("side-gdb")
        debugger.executableURL = URL(fileURLWithPath: try #require(Tool.gdb.file))
        debugger.arguments = ["-nx", "-batch", "-ex", "backtrace", "-ex", "info symbol $pc", Scratch.path(try Scratch.elf("crasher")), dump]
        (debugger.standardInput, debugger.standardOutput, debugger.standardError) = (FileHandle.nullDevice, output.handle, output.handle)
        try debugger.run()
        debugger.waitUntilExit()
        let text = try output.text()
        #expect(text.contains("bus + 28 in section .text") || text.contains(" bus ("), "\(text)")
    }

    @Test("Without --recover Linux hears of no fault, and --json has the script's output, the fault and the kernel in one object", .needsLinuxGuest)
    func report() throws {
        let result = try Self.linux(Self.crash + "crash hardfault; exit 4\n", ["--json", "--doctor"], sample: "crasher")
        #expect(result.status == 4, "\(result.err)")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any], "\(result.out)")
        #expect(object["result"] as? String == "script-failed" && object["exit"] as? Int == 4)
        #expect(object["received"] as? String == "running\n" && object["received_bytes"] as? Int == 8)
        #expect((object["fault"] as? [String: Any])?["symbol"] as? String == "hardfault+0xc" || ((object["fault"] as? [String: Any])?["summary"] as? String)?.contains("HardFault") == true, "\(result.out)")
        #expect((object["kernel"] as? [String: Any])?["suite"] as? String == "bookworm")
        #expect(object["boots"] as? Int == 1 && object["crashes"] as? Int == 1 && object["firmware"] as? String == "crasher.elf")
        #expect(object["channels"] as? [String] == ["rpmsg-tty"], "\(result.out)")
        #expect((object["traces"] as? [String])?.first?.contains("announced rpmsg-tty") == true)
        let names = (object["diagnosis"] as? [[String: Any]])?.compactMap { $0["name"] as? String } ?? []
        #expect(names.contains("fault") && names.contains("accepted"), "\(names)")
        // Keys are always there; what there is none of is null.
        #expect(object["halt"] is NSNull && object["error"] is NSNull)
    }

    @Test("--strict stops at the first register without a model, and --log-level debug tells of doorbells", .needsLinuxGuest)
    func strict() throws {
        let stopped = try Self.linux("sleep 20\n", ["--strict"], sample: "doctor-waits-for-block")
        #expect(stopped.status == 3 && stopped.err.contains("m4run: --strict: "), "\(stopped.err)")
        let told = try Self.linux(Self.findTTY + "find_tty; echo hello >$tty; sleep 0.3\n", ["--log-level", "debug"], sample: "tty-echo")
        #expect(told.err.contains("] ipcc: Linux rings channel 2\n") && told.err.contains("] ipcc: the M4 rings channel 1\n"), "\(told.err)")
        let quiet = try Self.linux("exit 0\n", ["--log-level", "error"], sample: "tty-echo")
        #expect(quiet.err.isEmpty && quiet.status == 0, "\(quiet.err)")
    }

    @Test("Firmware that never announces anything, and firmware that was not started, have that said by --doctor", .needsLinuxGuest)
    func doctor() throws {
        let silent = try Self.linux("sleep 0.5\n", ["--doctor", "--quiet"], sample: "doctor-never-polls")
        #expect(silent.err.contains("doctor: ") && silent.err.contains("nothing-sent"), "\(silent.err)")
        let noTable = try Self.linux("sleep 0.3\n", ["--doctor", "--quiet"], sample: "doctor-no-table")
        #expect(noTable.err.hasPrefix("doctor: no-table. "), "\(noTable.err)")
        let notStarted = try Self.linux("exit 0\n", ["--doctor", "--quiet", "--offline"], sample: "tty-echo")
        #expect(notStarted.err.hasPrefix("doctor: not-started. "), "\(notStarted.err)")
    }

    @Test(
        "An option of 'run' that means nothing beside a real Linux is refused with the reason, and with what does the same",
        arguments: [
            (["--key", "k.pem"], "--key: OP-TEE has no part here"), (["--unverified"], "--unverified: OP-TEE"), (["--boot", "tee-v3"], "--boot: OP-TEE"),
            (["--optee-dtb", "x"], "--optee-dtb: OP-TEE"), (["--accept-ecdsa"], "--accept-ecdsa: OP-TEE"), (["--isolation", "banks"], "--isolation: OP-TEE"),
            (["--send", "x"], "--send: what is said to the firmware"), (["--send-only", "x"], "--send-only: what is said"), (["--send-hex", "00"], "--send-hex: what is said"),
            (["--send-only-hex", "00"], "--send-only-hex: what"), (["--to", "rpmsg0"], "--to: what"), (["--expect", "x"], "--expect: what"), (["--until", "x"], "--until: what"),
            (["--interactive"], "--interactive: the terminal is the guest's"), (["--kick-fault", "drop,to-linux"], "--kick-fault: doorbells are the real kernel's"),
            (["--bind", "a=rpmsg-tty"], "--bind: the kernel binds drivers by their own tables; --module"), (["--devices", "d"], "--devices: the guest itself has"),
            (["--control", "d"], "--control: the guest itself has"), (["--no-fuse"], "--no-fuse: the guest"), (["--for", "1s"], "--for: time is the wall clock's here: --timeout"),
            (["--openstlinux", "5"], "--openstlinux: the kernel is Debian's"), (["--coredump-plain"], "--coredump-plain: the kernel's own dump is the guest's"),
            (["--json"], "--json goes with --run"), (["--reboots", "-1"], "--reboots"), (["--coredump", ""], "--coredump needs a file name"),
        ] as [([String], String)])
    func refusals(options: [String], sentence: String) throws {
        let result = try Command.run(["linux", try Scratch.elf("tty-echo")] + options, in: Scratch.folder)
        #expect(result.status == 2 && result.err.contains(sentence), "\(result.err)")
        #expect(!result.err.contains("Unknown option"), "\(result.err)")
    }

    @Test("A guest that reboots for ever is ended, and --reboots says after how many", .needsLinuxGuest)
    func reboots() throws {
        let limited = try Self.linux("echo boot $M4RUN_BOOT; reboot; sleep 20\n", ["--reboots", "2", "--offline", "--quiet"], sample: "tty-echo")
        #expect(limited.out == "boot 1\nboot 2\nboot 3\n" && limited.status == 5, "\(limited.err)")
        #expect(limited.err == "m4run: --reboots 2: the guest has rebooted once more\n")
        let silent = try Self.linux("reboot; sleep 20\n", ["--offline", "--quiet"], sample: "tty-echo")
        #expect(silent.status == 5 && silent.err.contains("the guest has rebooted 5 times in a row, and its script printed nothing in between; --reboots N lets it"), "\(silent.err)")
    }
}
