// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// Crashes of a served run, as a script sees them: words, core dumps, and traces.
@Suite struct ServedCrashTests {
    /// `get FILE` and `put WORD FILE` through FUSE, or through `m4run ctl`.
    private static func getAndPut(fuse: Bool) -> String {
        fuse
            ? "get() { cat $DIR/$1; }; put() { (echo $1 > $DIR/$2) 2> /dev/null; }\n"
            : "get() { $M4RUN ctl $DIR $1; }; put() { $M4RUN ctl $DIR $2 $1 2> /dev/null; }\n"
    }

    @Test("The files of debugfs take a beginning of a word, but none with a newline behind it, and an errno for each number")
    func debugWords() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse")
        try run.wait(for: "dev/ttyRPMSG1")
        let result = try run.shell(
            """
            D=sys/kernel/debug/remoteproc/remoteproc0
            for word in dis '' on enabled; do $M4RUN ctl $DIR $D/recovery "$word" 2> /dev/null; echo $?; done
            for number in 4294967296 1x; do $M4RUN ctl $DIR crash $number 2>&1 | cut -d: -f 1-3; done
            $M4RUN ctl $DIR recovery
            """)
        #expect(
            result.out == """
                1
                1
                1
                0
                m4run: crash: Numerical result out of range
                m4run: crash: Invalid argument
                enabled

                """)
    }

    @Test("What crashes is named by the firmware that was loaded, whatever the run began with")
    func otherFirmware() throws {
        let run = try ServedRun("--control", "$DIR", "--no-fuse")
        try run.wait(for: "dev/ttyRPMSG1")
        _ = try Scratch.elf("crasher")
        let result = try run.shell(
            """
            cp \(Scratch.path("crasher.elf")) $DIR/lib/firmware/other.elf
            $M4RUN ctl $DIR state stop; $M4RUN ctl $DIR firmware other.elf; $M4RUN ctl $DIR state start
            until [ -e $DIR/dev/ttyRPMSG0 ]; do sleep 0.01; done
            echo divzero > $DIR/dev/ttyRPMSG0
            """)
        #expect(result.status == 0, "\(result.out)")
        let end = try run.waitForEnd()
        #expect(end.status == 3 && end.err.contains("divide_by_zero"), "\(end.err)")
    }

    @Test("A terminal that is open over a crash keeps its number until it is closed by the last who has it", .needs(.fuse))
    func openTerminals() throws {
        let run = try ServedRun("--control", "$DIR")
        try run.wait(for: "dev/ttyRPMSG1")
        let result = try run.shell(
            """
            D=$DIR/sys/kernel/debug/remoteproc/remoteproc0
            crash() { echo 2 > $D/crash; sleep 0.2; ls $DIR/dev | tr '\\n' ' '; }
            exec 5<> $DIR/dev/ttyRPMSG0; sleep 60 <&5 & crash
            (echo x >&5) 2> /dev/null || echo refused
            exec 5>&-; crash
            kill -9 $!; wait $! 2> /dev/null; crash
            """)
        #expect(result.out == "ttyRPMSG1 ttyRPMSG2 refused\nttyRPMSG1 ttyRPMSG2 ttyRPMSG0 ttyRPMSG1 ")
    }

    @Test("One core dump is there at a time, a page a read, until somebody writes to it; 'disabled' ends them", .needs(.fuse))
    func coredumps() throws {
        let run = try ServedRun("--control", "$DIR", "--coredump", "$DIR/core")
        try run.wait(for: "dev/ttyRPMSG1")
        let result = try run.shell(
            """
            S=$DIR/sys/class/remoteproc/remoteproc0; D=$DIR/sys/kernel/debug/remoteproc/remoteproc0; C=$DIR/sys/class/devcoredump
            cat $S/coredump; ls $C; cat $C/disabled
            echo 2 > $D/crash; echo 2 > $D/crash; ls $C; ls $C/devcd1
            cat $C/devcd1/failing_device/state; readlink $S/devcoredump
            dd if=$C/devcd1/data bs=1M count=1 2> /dev/null | wc -c
            cat $C/devcd1/data | wc -c; head -c 20 $C/devcd1/data | tail -c 4 | od -An -tx1
            exec 5< $C/devcd1/data; head -c 4 <&5 | od -An -tx1
            echo > $C/devcd1/data; cat <&5 2>&1 | sed 's/.*: //'; ls $C; [ -e $S/devcoredump ] || echo gone
            echo 2 > $D/crash; ls $C
            (echo 2 > $C/disabled) 2> /dev/null || echo refused
            echo 1 > $C/disabled; ls $C; cat $C/disabled
            echo 2 > $D/crash; ls $C; cat $S/state
            """)
        // The kernel's own, whatever --coredump writes: six program headers; retram, mcuram, mcuram2, two vrings, a trace buffer of 2 KiB. EM_NONE.
        #expect(
            result.out == """
                enabled
                disabled
                0
                devcd1
                disabled
                data
                failing_device
                running
                ../../devcoredump/devcd1
                4096
                600308
                 04 00 00 00
                 7f 45 4c 46
                No such device
                disabled
                gone
                devcd2
                disabled
                refused
                disabled
                1
                disabled
                running

                """)
        #expect(try run.end().status == 0)
    }

    @Test("Under inline a recovery waits, offline, for whoever discards the dump through FUSE", .needs(.fuse))
    func inlineDumpInFile() throws { try inlineDump(fuse: true) }

    @Test("Under inline a recovery waits, offline, for whoever discards the dump with m4run ctl")
    func inlineDumpOverSocket() throws { try inlineDump(fuse: false) }

    private func inlineDump(fuse: Bool) throws {
        let run = try fuse ? ServedRun("--control", "$DIR") : ServedRun("--control", "$DIR", "--no-fuse")
        try run.wait(for: "dev/ttyRPMSG1")
        let result = try run.shell(
            Self.getAndPut(fuse: fuse) + """
                S=sys/class/remoteproc/remoteproc0; D=sys/kernel/debug/remoteproc/remoteproc0; C=sys/class/devcoredump
                put inline $S/coredump; put 2 $D/crash; get $S/state
                get $C/devcd1/data | head -c 4 | od -An -tx1
                get $S/state; put 1 $C/devcd1/data; get $S/state
                """)
        #expect(result.out == "offline\n 7f 45 4c 46\noffline\nrunning\n")
        try ServedRun.wait("answer") { (try? OpenTerminal(run.path("dev/ttyRPMSG0")).ask("again\n")) == "again\n" }
        #expect(try run.end().status == 0)
    }

    @Test("Programs that need the lock of a recovery sleep until the dump is discarded, or until a signal; 'm4run ctl' gets EINTR", .needs(.fuse))
    func sleepers() throws {
        let run = try ServedRun("--control", "$DIR")
        try run.wait(for: "dev/ttyRPMSG1")
        let result = try run.shell(
            """
            S=$DIR/sys/class/remoteproc/remoteproc0; D=$DIR/sys/kernel/debug/remoteproc/remoteproc0; C=$DIR/sys/class/devcoredump
            echo inline > $S/coredump; echo disabled > $S/recovery; echo 2 > $D/crash
            (echo recover > $S/recovery; echo recovered) & recover=$!
            until [ -e $C/devcd1 ]; do sleep 0.01; done
            (echo start > $S/state; echo started) & start=$!
            (exec /usr/bin/env sh -c "echo other > $S/firmware") & name=$!
            sleep 0.3; kill -9 $name; wait $name 2> /dev/null; cat $S/state $S/firmware
            $M4RUN ctl $DIR state stop 2>&1 | cut -d: -f 1-3
            echo 1 > $C/devcd1/data; wait $recover $start; cat $S/state
            echo stop > $S/state; cat $S/state; echo stop > $S/state; cat $S/state
            """)
        let lines = result.out.split(separator: "\n").map(String.init)
        #expect(lines.prefix(3) == ["offline", "tty-echo.elf", "m4run: state: Interrupted system call"], "\(result.out)")
        #expect(lines.dropFirst(3).prefix(2).sorted() == ["recovered", "started"], "\(result.out)")
        // What slept counts as a second start.
        #expect(lines.dropFirst(5) == ["running", "running", "offline"], "\(result.out)")
        #expect(try run.end().status == 0)
    }

    @Test("A trace that is kept open shows what the firmware adds, and says EIO when it is gone", .needs(.fuse))
    func openTrace() throws {
        let run = try ServedRun("--control", "$DIR")
        try run.wait(for: "dev/ttyRPMSG1")
        let result = try run.shell(
            """
            S=$DIR/sys/class/remoteproc/remoteproc0; D=$DIR/sys/kernel/debug/remoteproc/remoteproc0
            exec 5< $D/trace0; cat <&5 > /dev/null; cat <&5
            echo hello > $DIR/dev/ttyRPMSG0; until grep -q '6 bytes' $D/trace0; do sleep 0.01; done
            cat <&5; echo stop > $S/state; cat <&5 2>&1 | sed 's/.*: //'
            """)
        #expect(result.out == "0x400: 6 bytes from 0x400\nInput/output error\n")
    }

    @Test("With --recover and recovery disabled a crashed core stays for a look through FUSE, until it is told to recover", .needs(.fuse))
    func crashedFiles() throws { try keepsCrashed(fuse: true) }

    @Test("With --recover and recovery disabled a crashed core stays for a look with m4run ctl, until it is told to recover")
    func crashedSocket() throws { try keepsCrashed(fuse: false) }

    private func keepsCrashed(fuse: Bool) throws {
        let elf = try Scratch.elf("crasher")
        let run = try fuse ? ServedRun("--control", "$DIR", "--recover", "3", "--kernel", "6.6", image: elf)
            : ServedRun("--control", "$DIR", "--recover", "3", "--kernel", "6.6", "--no-fuse", image: elf)
        try run.wait(for: "dev/ttyRPMSG0")
        let result = try run.shell(
            Self.getAndPut(fuse: fuse) + """
                S=sys/class/remoteproc/remoteproc0; D=sys/kernel/debug/remoteproc/remoteproc0; C=sys/class/devcoredump
                put disabled $S/recovery; put enabled $S/coredump
                echo undef > $DIR/dev/ttyRPMSG0; until [ "$(get $S/state)" = crashed ]; do sleep 0.01; done
                get $D/trace0 | tail -n 1; get $S/state
                put stop $S/state || echo refused
                put recover $S/recovery; get $S/state; get $S/recovery
                get $C/devcd1/data | head -c 4 | od -An -tx1
                """)
        #expect(result.out == "about to undef\ncrashed\nrefused\nrunning\ndisabled\n 7f 45 4c 46\n")
        try ServedRun.wait("answer") { (try? OpenTerminal(run.path("dev/ttyRPMSG0")).ask("again\n")) == "again\n" }
        let end = try run.end()
        #expect(end.status == 0 && end.err.contains("UsageFault (UNDEFINSTR) at pc "), "\(end.err)")
    }
}
