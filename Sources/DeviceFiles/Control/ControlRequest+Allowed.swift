// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import RprocHost
import VirtualMP1

/// What a refused request could have been: the kernel gives its errno alone, and keeps the rest to itself.
extension ControlRequests {
    /// - Returns: a sentence without a full stop; empty when nothing is known.
    func allowed(_ request: [UInt8], _ error: Errno) -> String {
        let words = Self.words(request)
        guard words.count == 2 else { return "" }
        let text = Self.text(request.drop { $0 != 0x0A }.dropFirst()).split { $0 == " " || $0 == "\n" }.map(String.init)
        if Self.isControlDevice(words[1]) { return control(words[0] == "read" ? nil : text, error) }
        if words[0] == "write", Self.terminal(words[1]) != nil, error == .noMemory {
            return "all buffers of the ring are with the firmware, and rpmsg_tty does not wait; what came before went (a write to the terminal in \(folder)/dev waits)"
        }
        let path = path(words[1])
        guard let node = tree.node(path) else { return noFile(words[1]) }
        if case .link(let target) = node { return "\(words[1]) is a link to \(target)" }
        guard case .file(let file) = node else { return "\(words[1]) is a folder, and can only be listed" }
        if words[0] == "read" && file.read == nil { return "\(words[1]) can only be written" }
        if words[0] == "write" && file.write == nil { return "\(words[1]) can only be read" }
        return words[0] == "write" ? refused(String(path.split(separator: "/").last ?? ""), text, error) : ""
    }

    /// What a write gets while a debugger holds the machine.
    static let halted = "a debugger holds the M4, and virtual time with it; once it lets the M4 run, write again"

    private var state: String { system.linux.state.rawValue }

    private func refused(_ file: String, _ words: [String], _ error: Errno) -> String {
        switch file {
        case "state":
            if words == ["start"], error == .noEntry { return "'\(system.linux.firmware)' is neither in \(folder)/lib/firmware nor beside the image of the run" }
            if words == ["start"], state == "offline" { return "the firmware did not start; the log of the run says why" }
            return "state accepts start, stop, detach; it is \(state)"
        case "firmware": return error == .busy ? "firmware can be changed while the state is offline; it is \(state)" : "firmware accepts a file name"
        case "recovery": return "recovery accepts enabled, disabled, recover; it is \(system.linux.sysfsRead(.recovery).dropLast())"
        case "coredump":
            if error == .busy { return "coredump cannot be changed while the state is crashed" }
            return "coredump accepts disabled, enabled, inline; it is \(system.linux.sysfsRead(.coredump).dropLast())"
        case "crash": return "crash accepts a number: 0 mmufault, 1 watchdog, 2 fatal error"
        default: return ""
        }
    }

    private func noFile(_ name: String) -> String {
        let device = name.split(separator: "/").last.map(String.init) ?? name
        if device.hasPrefix("ttyRPMSG") || device.after("rpmsg").map({ Int($0) != nil }) == true {
            return "\(device) is a device, to be opened in \(folder)/dev; ctl has the control files and rpmsg_ctrl0, and writes to ttyRPMSGs that are there"
        }
        if device.hasPrefix("trace") {
            let count = system.linux.traceCount
            return count == 0 ? "there is no trace buffer now; the state is \(state)" : "the trace buffers are trace0\(count > 1 ? " to trace\(count - 1)" : "")"
        }
        return name.contains("/") ? "" : "there are state, firmware, recovery, coredump, name, crash, resource_table, carveout_memories, traceN and rpmsg_ctrl0"
    }

    private static let ioctls = "create-endpoint, create-channel or release-channel NAME SOURCE DESTINATION, or destroy-endpoint rpmsgN; an address is a number or 'any'"

    /// `words` is nil for a read.
    private func control(_ words: [String]?, _ error: Errno) -> String {
        if system.linux.rpmsgControl() == nil { return "rpmsg_ctrl0 is there while firmware with rpmsg runs; the state is \(state)" }
        guard let words else { return "rpmsg_ctrl0 has nothing to read, only ioctls; write \(Self.ioctls)" }
        switch (words.first ?? "", error) {
        case ("destroy-endpoint", .noEntry):
            let names = system.linux.raw.nodes.compactMap { $0?.name }
            return names.isEmpty ? "there is no endpoint" : "there are \(names.joined(separator: ", "))"
        case ("destroy-endpoint", .invalid) where words.count == 2: return "\(words[1]) belongs to a channel that the firmware announced, not to a created endpoint"
        case ("create-channel", .noDeviceOrAddress): return "there is such a channel"
        case ("release-channel", .invalid) where words.count == 4: return "there is no such channel"
        case (_, .invalid): return "rpmsg_ctrl0 accepts \(Self.ioctls)"
        default: return ""
        }
    }
}
