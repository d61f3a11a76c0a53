// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc
import LinuxGuest
import M4Board
import MachineBase
import RprocHost
import VirtualMP1

/// What `m4run linux --json` prints: one object with the same keys every time, sorted; nothing to say is `null`. What `run --json` has, too, has its name.
struct LinuxReport: JSONText {
    struct Kernel: Encodable { let release: String, package: String, version: String, suite: String }
    struct Diagnosis: Encodable {
        let name: String, problem: Bool, sentence: String
        @Nullable var advice: String?
        init(_ entry: LinuxDoctor.Entry) {
            (name, problem, sentence) = (entry.name, entry.isProblem, entry.sentence)
            advice = entry.advice
        }
    }
    let result: String
    let exit: Int32
    @Nullable var error: String?
    let image: String
    /// The firmware that Linux started last, by its name in /lib/firmware.
    @Nullable var firmware: String?
    let kernel: Kernel
    let boots: Int
    @Nullable var m4: RunReport.Core?
    @Nullable var halt: RunReport.Halt?
    @Nullable var fault: RunReport.FaultInfo?
    let crashes: UInt32
    /// When the guest ended, or at last, where its kernel has shut its devices down.
    let channels: [String]
    /// What the script has printed, its first MiB.
    let received: String
    let receivedBytes: UInt64
    let traces: [String]
    let output: [RunReport.Output]
    let findings: [String]
    let unmodelled: [RunReport.Unmodelled]
    let unsupported: [RunReport.Unsupported]
    let waitsFor: [RunReport.Wait]
    @Nullable var diagnosis: [Diagnosis]?
    let cycleModel: String
    let lostNanoseconds: UInt64
    let virtualNanoseconds: UInt64
    let cycles: UInt64
    let instructions: UInt64
    let wallSeconds: Double

    init(_ end: LinuxEnd, _ boot: LinuxBoot, _ record: LinuxRecord, _ command: LinuxCommand, _ files: GuestFiles, wall: Double) {
        let guestBoard = boot.board, board = guestBoard.board
        result = end.name
        exit = end.status
        error = end.complaint
        image = command.image
        firmware = record.firmware?.name
        kernel = Kernel(release: files.release, package: files.package, version: files.version, suite: files.suite)
        boots = record.boots
        m4 = boot.place?.report
        halt = boot.halt.map { RunReport.Halt($0, boot.symbols, boot.place?.callersReport ?? []) }
        fault = record.fault.map { RunReport.FaultInfo($0.report, boot.symbols, $0.place?.callersReport ?? []) }
        crashes = record.crashes
        channels = guestBoard.watch.lastProgress.channels.map(\.text)
        received = ForeignText.text(boot.said.kept)
        receivedBytes = boot.said.count
        traces = guestBoard.traceTexts
        output = record.output.texts.map { RunReport.Output(source: $0.source.description, text: $0.text) }
        findings = record.findings.map(\.text)
        unmodelled = board.unmodelledRegisters.map(RunReport.Unmodelled.init)
        unsupported = board.unsupportedFeatures.map { RunReport.Unsupported($0, board.configuration.coreClock) }
        waitsFor = board.waitsFor.map(RunReport.Wait.init)
        diagnosis = command.limits.doctor ? LinuxDoctor(boot, record).entries.map(Diagnosis.init) : nil
        cycleModel = command.debug.cycles.rawValue
        lostNanoseconds = guestBoard.lostTime.nanoseconds
        virtualNanoseconds = board.now.nanoseconds
        cycles = board.cycles
        instructions = board.core.retired
        wallSeconds = wall
    }
}
