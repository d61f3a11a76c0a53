// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Debugger
import M4Board
import Testing

@Suite struct SessionTests {
    @Test("A client that wants acknowledgements gets them with the reply, and a refused reply again")
    func acknowledgements() {
        let client = Client(acknowledges: true)
        #expect(client.send(PacketWriter.framed(Array("qAttached".utf8))) == "+$1#31")
        #expect(client.send([0x2D]) == "$1#31")
        #expect(client.send(Array("$qAttached#00".utf8)) == "-")
        #expect(client.send(PacketWriter.framed(Array("QStartNoAckMode".utf8))) == "+$OK#9a")
        #expect(client.send(PacketWriter.framed(Array("qAttached".utf8))) == "$1#31")
    }

    @Test("gdb's opening is answered, and what is unknown by an empty packet")
    func opening() {
        let client = Client()
        let features = client.say("qSupported:multiprocess+;swbreak+;hwbreak+;xmlRegisters=i386").split(separator: ";")
        for feature in ["PacketSize=4000", "QStartNoAckMode+", "qXfer:features:read+", "qXfer:memory-map:read+", "vContSupported+", "ConditionalBreakpoints+", "swbreak+"] {
            #expect(features.contains { $0 == feature }, "\(feature)")
        }
        #expect(client.say("vMustReplyEmpty").isEmpty)
        #expect(client.say("qTStatus").isEmpty)
        #expect(client.say("!") == "OK")
        #expect(client.say("Hg0") == "OK")
        #expect(client.say("Hc-1") == "OK")
        #expect(client.say("qC") == "QC1")
        #expect(client.say("qfThreadInfo") == "m1")
        #expect(client.say("qsThreadInfo") == "l")
        #expect(client.say("qOffsets") == "Text=0;Data=0;Bss=0")
        #expect(client.say("qSymbol::") == "OK")
        #expect(client.say("vCont?") == "vCont;c;C;s;S;t;r")
        #expect(client.say("?").hasPrefix("T05"))
    }

    @Test("Documents come in the pieces that are asked for, and have what gdb wants of an M profile core")
    func documents() {
        let client = Client()
        var text = "", offset = 0
        while true {
            let piece = client.say("qXfer:features:read:target.xml:\(String(offset, radix: 16)),40")
            text += piece.dropFirst()
            offset += 0x40
            if piece.hasPrefix("l") { break }
            #expect(piece.hasPrefix("m") && piece.count == 0x41)
        }
        for part in ["org.gnu.gdb.arm.m-profile", "org.gnu.gdb.arm.m-system", "org.gnu.gdb.arm.vfp", "name=\"msp\"", "name=\"psp\"", "name=\"basepri\"", "armv7e-m"] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(client.say("qXfer:memory-map:read::0,1000").contains("<memory type=\"ram\" start=\"0x10000000\" length=\"0x1000\"/>"))
        #expect(client.say("qXfer:features:read:other.xml:0,40") == "E00")
        #expect(client.say("qXfer:features:read:target.xml:ffffff,40").hasPrefix("E"))
        #expect(client.say("qXfer:auxv:read::0,40").isEmpty)
    }

    @Test("Registers are read and written by number and all at once")
    func registers() {
        let client = Client()
        client.target.registers[.r(0)] = 0x1234_5678
        client.target.registers[.d(1)] = 0x0102_0304_0506_0708
        #expect(client.say("p0") == "78563412")
        #expect(client.say("p1b") == "0807060504030201")
        #expect(client.say("P1=efbeadde") == "OK")
        #expect(client.target.registers[.r(1)] == 0xDEAD_BEEF)
        let all = client.say("g")
        #expect(all.count == (17 + 6 + 1) * 8 + 16 * 16)
        #expect(client.say("G" + all) == "OK")
        #expect(client.say("G" + all.dropLast(2)) == "E16")
        #expect(client.say("p50") == "E16")
        #expect(client.say("P1=efbe") == "E16")
    }

    @Test("Memory is read as far as it goes and written in both ways")
    func memory() {
        let client = Client()
        #expect(client.say("M10000010,4:01020304") == "OK")
        #expect(client.say("m10000010,4") == "01020304")
        // 0x7d03 is an escaped #.
        #expect(client.say(bytes: Array("X10000010,2:".utf8) + [0x23, 0x00]) == "OK")
        #expect(client.say("m10000010,4") == "23000304")
        #expect(client.say("X10000010,0:") == "OK")
        #expect(client.say("m10000ffe,8").count == 4)
        #expect(client.say("m20000000,4") == "E0e")
        #expect(client.say("mfffffffc,8") == "E0e")
        #expect(client.say("m1ffffffff,4") == "E0e")
        #expect(client.say("M10000010,4:0102") == "E16")
        #expect(client.say("M10000ffe,4:01020304") == "E0e")
        client.target.refused = 0x1000_0000..<0x1000_0010
        #expect(client.say("M10000000,1:00") == "E01")
        #expect(client.say("m10000010,ffffffffffffffffff") == "E16")
    }

    @Test("vCont runs, steps and steps inside of a range, with and without signals")
    func resuming() {
        let client = Client()
        for (packet, resumption) in [
            ("vCont;c", Resumption.run), ("vCont;s:1;c", .step), ("vCont;C0b", .run), ("vCont;S05:1", .step), ("vCont;r10000000,10000008:1;c", .stepInside(0x1000_0000...0x1000_0007)),
            ("vCont;r10000000,10000000:1", .step), ("c", .run), ("s", .step), ("C05", .run), ("S05;10000040", .step), ("vCont;c:-1", .run),
        ] {
            #expect(client.say(packet).isEmpty, "\(packet)")
            #expect(client.target.resumptions.last == resumption, "\(packet)")
            client.target.come(to: HaltReason(.trap))
            #expect(client.unasked.hasPrefix("T05"), "\(packet)")
        }
        #expect(client.target.registers[.r(15)] == 0x1000_0040)
        let before = client.target.resumptions.count
        for packet in ["vCont;x", "vCont;r1", "vCont;", "vCont;s:zz", "vCont;C", "czz"] { #expect(client.say(packet) == "E16", "\(packet)") }
        #expect(client.target.resumptions.count == before)
    }

    @Test("The client's interrupt halts a running core with SIGINT, and means nothing to one that stands")
    func interrupt() {
        let client = Client()
        #expect(client.send([3]).isEmpty)
        _ = client.say("vCont;c")
        #expect(Client.packets(client.send([3])).hasPrefix("T02"))
    }

    @Test("Stops say what they are: kinds of breakpoints only to who has asked for them, watched addresses, a fault in words")
    func stopReasons() {
        let client = Client()
        #expect(client.say("Z0,10000000,2") == "OK")
        _ = client.say("vCont;c")
        client.target.come(to: HaltReason(.breakpoint))
        #expect(!client.unasked.contains("swbreak"))
        _ = client.say("qSupported:swbreak+;hwbreak+")
        _ = client.say("vCont;c")
        client.target.come(to: HaltReason(.breakpoint))
        #expect(client.unasked.hasPrefix("T05swbreak:;"))
        _ = client.say("vCont;c")
        client.target.come(to: HaltReason(.watchpoint(.access, address: 0x1000_0020)))
        #expect(client.unasked.hasPrefix("T05awatch:10000020;"))
        _ = client.say("vCont;c")
        client.target.come(to: HaltReason(.fault(signal: 11), text: "BusFault"))
        let said = client.unasked
        #expect(Client.console(said) == "BusFault\n" && said.contains("T0b"))
        #expect(client.say("?").hasPrefix("T0b"))
    }

    @Test("The step over a watched access, which has been done, executes nothing; the next one does")
    func watchedStep() {
        let client = Client()
        _ = client.say("Z2,10000020,4")
        _ = client.say("vCont;c")
        client.target.come(to: HaltReason(.watchpoint(.write, address: 0x1000_0020)))
        _ = client.unasked
        let before = client.target.resumptions.count
        #expect(client.say("vCont;s:1").hasPrefix("T05"))
        #expect(client.target.resumptions.count == before)
        _ = client.say("vCont;s:1")
        #expect(client.target.resumptions.last == .step && client.target.resumptions.count == before + 1)
    }

    @Test("Breakpoints that are taken out at a stop and put in again cost the target nothing")
    func reinsertion() {
        let client = Client()
        for address in 0..<100 { #expect(client.say("Z0,\(String(0x1000_0000 + address * 4, radix: 16)),2") == "OK") }
        _ = client.say("vCont;c")
        #expect(client.target.breakpoints.count == 100)
        client.target.come(to: HaltReason(.breakpoint))
        let changes = client.target.stopChanges
        _ = client.say("z0,10000000,2")
        _ = client.say("vCont;s:1")
        #expect(client.target.breakpoints.count == 99)
        client.target.come(to: HaltReason(.trap))
        _ = client.unasked
        #expect(client.say("Z0,10000000,2") == "OK")
        _ = client.say("vCont;c")
        #expect(client.target.breakpoints.count == 100)
        #expect(client.target.stopChanges == changes + 2)
        // The same again changes nothing.
        client.target.come(to: HaltReason(.trap))
        _ = client.say("vCont;c")
        #expect(client.target.stopChanges == changes + 2)
    }

    @Test("A breakpoint where no memory is, one too many, and one that is no breakpoint are refused")
    func refusedBreakpoints() {
        let client = Client()
        client.target.mostBreakpoints = 1
        #expect(client.say("Z0,20000000,2") == "E0e")
        #expect(client.say("Z0,10000000,2") == "OK")
        #expect(client.say("Z0,10000000,2") == "OK")
        #expect(client.say("Z0,10000004,2") == "E07")
        #expect(client.say("Z7,10000004,2").isEmpty)
        #expect(client.say("Z0,1000000").hasPrefix("E"))
        #expect(client.say("Z2,10000000,0") == "E16")
        #expect(client.say("z0,10000044,2") == "OK")
    }

    @Test("A condition decides in the server; one that cannot be evaluated stops")
    func conditions() {
        let client = Client()
        // r0 == 5: reg 0, const8 5, equal, end.
        #expect(client.say("Z0,10000000,2;X7,26000022051327") == "OK")
        #expect(!client.session.wantsStop(at: 0x1000_0000))
        client.target.registers[.r(0)] = 5
        #expect(client.session.wantsStop(at: 0x1000_0000))
        // A second one without a condition at the same place stops always.
        client.target.registers[.r(0)] = 6
        #expect(client.say("Z1,10000000,2") == "OK")
        #expect(client.session.wantsStop(at: 0x1000_0000))
        #expect(client.say("z1,10000000,2") == "OK")
        // Division by zero.
        #expect(client.say("Z0,10000000,2;X6,220522000627") == "OK")
        #expect(client.session.wantsStop(at: 0x1000_0000))
        #expect(!client.session.wantsStop(at: 0x1000_0004))
        #expect(client.say("Z0,10000000,2;X7,2600") == "E16")
        #expect(client.say("Z0,10000000,2;Xffffff,26") == "E16")
    }

    @Test("monitor answers with text, whatever it is")
    func monitor() {
        let client = Client()
        func monitor(_ text: String) -> String { client.say("qRcmd," + text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()) }
        let echo = monitor("echo a b")
        #expect(Client.console(echo) == "a b\n" && echo.hasSuffix("OK"))
        let unknown = monitor("frobnicate")
        #expect(Client.console(unknown).contains("unknown command") && unknown.hasSuffix("OK"))
        #expect(client.say("qRcmd,6") == "E16")
        #expect(monitor("end") == "OK" && client.session.endsServer)
    }

    @Test("A client that only looks changes nothing and lets nothing run")
    func looking() {
        let client = Client(role: .looks)
        #expect(client.say("?").hasPrefix("T05"))
        #expect(client.say("m10000000,4") == "00000000")
        #expect(client.say("g").count > 100)
        for packet in ["M10000000,1:00", "X10000000,0:", "P0=00000000", "Z0,10000000,2", "vCont;c", "c", "s", "vRun;", "R00", "vKill;1"] {
            #expect(client.say(packet) == "E01", "\(packet)")
        }
        #expect(client.target.resumptions.isEmpty && client.target.isHalted)
        #expect(client.say("D") == "OK")
        #expect(client.session.wantsClose && client.target.isHalted)
    }

    @Test("Detaching lets the core run without breakpoints; killing leaves it standing; run and attach bring it back")
    func leaving() {
        let client = Client()
        _ = client.say("!")
        _ = client.say("Z0,10000000,2")
        _ = client.say("vCont;c")
        client.target.come(to: HaltReason(.breakpoint))
        #expect(client.say("D").hasSuffix("OK"))
        #expect(!client.target.isHalted && client.target.breakpoints.isEmpty && !client.session.isAttached)
        #expect(client.say("vAttach;1").hasPrefix("T05"))
        #expect(client.target.isHalted)
        #expect(client.say("vKill;1") == "OK")
        #expect(client.target.isHalted && !client.session.isAttached)
        #expect(client.say("vRun;").hasPrefix("T05"))
        #expect(client.target.resets == 1 && client.session.isAttached)
    }

    @Test("The run's end is told to who waits: a status, or a signal")
    func ending() {
        let client = Client()
        _ = client.say("vCont;c")
        client.session.ended(status: 7)
        #expect(client.unasked == "W07")
        let other = Client()
        _ = other.say("vCont;c")
        other.session.ended(status: 3, signal: 11)
        #expect(other.unasked == "X0b")
    }

    @Test("Threads are listed, and their registers read by their number")
    func threads() {
        let client = Client()
        client.target.threads = DebugThreads([DebugThread(1, name: "a<b", detail: "ready"), DebugThread(0x20, name: "idle")], current: 0x20)
        #expect(client.say("qfThreadInfo") == "m1,20")
        #expect(client.say("qC") == "QC20")
        #expect(client.say("qXfer:threads:read::0,fff").contains("name=\"a&lt;b\">ready</thread>"))
        #expect(client.say("T20") == "OK" && client.say("T21") == "E03")
        #expect(client.say("Hg21") == "E03" && client.say("Hg1") == "OK")
        #expect(client.say("qThreadExtraInfo,1") == "a<b, ready".utf8.map { String($0, radix: 16) }.joined())
    }

    @Test("No packet traps the session, whatever is in it")
    func garbage() {
        var state: UInt64 = 7
        func random(_ bound: Int) -> Int {
            state = state &* 6364136223846793005 &+ 1442695040888963407
            return Int(state >> 33) % bound
        }
        let heads = ["m", "M", "X", "Z0,", "z0,", "vCont;", "qXfer:features:read:target.xml:", "qRcmd,", "P", "p", "G", "H", "C", "S", "qSupported:", "T", "v", "q", "Q", ""]
        let alphabet = Array("0123456789abcdef,;:=-X+g#$}* \u{0}\u{3}ffff".utf8)
        for _ in 0..<3000 {
            let client = Client()
            for _ in 0..<4 {
                let bytes = Array(heads[random(heads.count)].utf8) + (0..<random(24)).map { _ in alphabet[random(alphabet.count)] }
                _ = client.send(PacketWriter.framed(bytes))
                if !client.target.isHalted { client.target.come(to: HaltReason(.trap)) }
            }
        }
    }
}
