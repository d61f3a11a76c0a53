// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost
import Testing

/// One cell of the `state` file's matrix: what a write returns, and what has become of state and power.
struct StateCell: Sendable, CustomTestStringConvertible {
    typealias Kernel = KernelProfile.Named
    var word: String
    var from: RemoteProcessorState
    var errno: Errno?
    var to: RemoteProcessorState
    var power: Int
    var kernels: [Kernel] = Kernel.allCases
    var sequence = BootSequence.elf
    var testDescription: String { "\(word) while \(from.rawValue), \(sequence.rawValue)" }

    static let recent: [Kernel] = [.newest, .v6_12, .v6_6, .v6_1, .openSTLinux5, .openSTLinux6]
    static let old: [Kernel] = [.v5_15, .openSTLinux4]
    static let all: [StateCell] = [
        StateCell(word: "start", from: .offline, errno: nil, to: .running, power: 1),
        StateCell(word: "start", from: .running, errno: nil, to: .running, power: 2, kernels: recent),
        StateCell(word: "start", from: .running, errno: .busy, to: .running, power: 1, kernels: old),
        StateCell(word: "start", from: .attached, errno: nil, to: .attached, power: 2, kernels: recent),
        StateCell(word: "start", from: .attached, errno: .busy, to: .attached, power: 1, kernels: old),
        StateCell(word: "start", from: .detached, errno: nil, to: .attached, power: 1),
        StateCell(word: "start", from: .crashed, errno: nil, to: .crashed, power: 2),
        StateCell(word: "start", from: .deleted, errno: .noDevice, to: .deleted, power: 0),
        StateCell(word: "stop", from: .offline, errno: .invalid, to: .offline, power: 0),
        StateCell(word: "stop", from: .running, errno: nil, to: .offline, power: 0),
        StateCell(word: "stop", from: .attached, errno: nil, to: .offline, power: 0),
        StateCell(word: "stop", from: .detached, errno: .invalid, to: .detached, power: 0),
        StateCell(word: "stop", from: .crashed, errno: nil, to: .offline, power: 0, kernels: [.newest, .v6_12, .v6_1]),
        StateCell(word: "stop", from: .crashed, errno: .invalid, to: .crashed, power: 1, kernels: old + recent.filter { ![.newest, .v6_12, .v6_1].contains($0) }),
        StateCell(word: "stop", from: .deleted, errno: .invalid, to: .deleted, power: 0),
        StateCell(word: "detach", from: .offline, errno: .invalid, to: .offline, power: 0),
        StateCell(word: "detach", from: .running, errno: .invalid, to: .running, power: 1),
        StateCell(word: "detach", from: .attached, errno: nil, to: .detached, power: 0),
        StateCell(word: "detach", from: .detached, errno: .invalid, to: .detached, power: 0),
        StateCell(word: "detach", from: .crashed, errno: .invalid, to: .crashed, power: 1),
        StateCell(word: "detach", from: .deleted, errno: .invalid, to: .deleted, power: 0),
        // Neither TEE client lets go of a core; the TA never loaded what it is to stop.
        StateCell(word: "detach", from: .running, errno: .invalid, to: .running, power: 1, sequence: .teeOps),
        StateCell(word: "detach", from: .attached, errno: .invalid, to: .attached, power: 1, sequence: .teeV3),
    ]
}

@Suite struct StateMatrixTests {
    private func rig(_ cell: StateCell, _ kernel: StateCell.Kernel) throws -> Rig {
        let early = cell.from == .attached || cell.from == .detached
        let rig = Rig(cell.sequence, bootLoader: early) {
            $0.kernel = kernel.profile
            $0.recoveryEnabled = false
        }
        switch cell.from {
        case .running, .attached: try rig.host.start()
        case .crashed:
            try rig.host.start()
            rig.host.reportCrash(.fatalError)
            rig.platform.run(for: .milliseconds(1))
        case .deleted: rig.host.remove()
        default: break
        }
        #expect(rig.host.state == cell.from)
        return rig
    }

    @Test(arguments: StateCell.all) func `A write to state returns, and leaves, what the kernel's matrix says`(_ cell: StateCell) throws {
        for kernel in cell.kernels {
            let rig = try rig(cell, kernel)
            let errno = rig.errno { () throws(Errno) in try rig.host.sysfsWrite(.state, cell.word + "\n") }
            #expect(errno == cell.errno, "\(kernel)")
            #expect(rig.host.state == cell.to && rig.host.power == cell.power, "\(kernel): \(rig.host.state), \(rig.host.power)")
            if cell.word == "start", let errno, errno != .busy {
                #expect(rig.log.last == "remoteproc remoteproc0: Boot failed: \(errno.negative)")
            }
        }
    }

    @Test(arguments: RemoteProcessorState.allCases.filter { $0 != .suspended }) func `The other files' words in each state`(
        _ state: RemoteProcessorState
    ) throws {
        let rig = try rig(StateCell(word: "", from: state, errno: nil, to: state, power: 0), .newest)
        let host = rig.host
        func write(_ file: RemoteProcessor.SysfsFile, _ word: String) -> Errno? { rig.errno { () throws(Errno) in try host.sysfsWrite(file, word) } }
        #expect(host.sysfsRead(.state) == state.rawValue + "\n")
        #expect(host.sysfsRead(.firmware) == (state == .attached ? "unknown\n" : "rproc-m4-fw\n"))
        #expect(write(.firmware, "other") == (state == .offline ? nil : .busy))
        #expect(write(.coredump, "inline") == (state == .crashed ? .busy : nil))
        #expect(write(.recovery, "disabled") == nil)
        #expect(write(.recovery, "enable") == .invalid)
        #expect(write(.name, "m5") == .accessDenied)
    }

    @Test(arguments: [("start\0junk", nil), ("start\n\0junk", nil), ("start\n\n", Errno.invalid), ("start\r\n", .invalid), ("start ", .invalid), ("\n", .invalid), ("star", .invalid)])
    func `A word is C's: it ends at a NUL, and one newline before that is none of it`(_ text: String, _ errno: Errno?) {
        let rig = Rig()
        #expect(rig.errno { () throws(Errno) in try rig.host.sysfsWrite(.state, text) } == errno)
        #expect(rig.host.state == (errno == nil ? .running : .offline))
    }

    @Test func `Bytes that are no UTF-8 are a word as any other: the state comes first, and the log shows them`() throws {
        let rig = Rig(), junk: [UInt8] = [0xFF, 0xFE]
        var lines: [String] = []
        rig.host.log.sink = { lines.append($0.message) }
        #expect(rig.errno { () throws(Errno) in try rig.host.sysfsWrite(.state, junk) } == .invalid)
        #expect(lines == ["Unrecognised option: \\xff\\xfe"])
        #expect(rig.errno { () throws(Errno) in try rig.host.sysfsWrite(.coredump, junk) } == .invalid)
        #expect(rig.errno { () throws(Errno) in try rig.host.sysfsWrite(.firmware, junk) } == .invalid)
        try rig.host.start()
        #expect(rig.errno { () throws(Errno) in try rig.host.sysfsWrite(.firmware, junk) } == .busy)
    }

    @Test func `A failed stop is silent before 5_18`() throws {
        let rig = Rig(.teeV3) { $0.kernel = .v5_15 }
        try rig.host.start()
        rig.firmware.refusals[.stop] = .generic
        try rig.host.stop()
        #expect(rig.host.state == .running && rig.host.power == 1)
    }

    @Test func `Unbinding the driver stops the core, and the device is gone`() throws {
        let rig = Rig()
        try rig.host.start()
        try rig.host.start()
        rig.host.remove()
        #expect(rig.log.suffix(2) == ["remoteproc remoteproc0: stopped remote processor m4", "remoteproc remoteproc0: releasing m4"])
        #expect(rig.errno { () throws(Errno) in _ = try rig.host.openCharacterDevice() } == .noDeviceOrAddress)
    }
}
