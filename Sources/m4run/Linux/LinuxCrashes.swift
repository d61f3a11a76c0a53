// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import LinuxGuest
import M4Board
import MachineBase
import RprocHost
import VirtualMP1

/// What becomes of firmware that crashes beside a Linux guest: a core dump, and word of it to Linux.
final class LinuxCrashes {
    private let options: LinuxLifeOptions
    private let regions: [MemoryRegion]
    private let coredump: CoredumpFile?
    /// Linux was told, and has not reset the M4 yet.
    private var isReported = false
    private var count: UInt32 = 0
    /// Why the run ends: one crash more than are allowed.
    private(set) var loop: CrashLoop?
    /// Why there is no core dump.
    var problem: String? { coredump?.problem }

    /// - Throws: `UsageError` where the file of --coredump cannot be made.
    init(_ options: LinuxLifeOptions, _ regions: [MemoryRegion]) throws {
        (self.options, self.regions) = (options, regions)
        coredump = try options.coredump.map { try CoredumpFile($0) }
    }

    func take(_ event: GuestBoardEvent, _ board: GuestBoard, _ firmware: KnownFirmware?) {
        switch event {
        case .reset, .started: isReported = false
        case .stopped(let time, .fault(let report)), .stopped(let time, .lockup(let report)):
            dump(board.board, firmware, fault: report)
            // The core goes on in its handler until Linux stops it; what goes wrong there is the same crash.
            guard options.recover != nil, !isReported, mayCrash(time, isWatchdog: false) else { return }
            isReported = true
            board.reportCrash()
        case .board(let time, .watchdogReset):
            dump(board.board, firmware)
            if options.recover != nil, !isReported { _ = mayCrash(time, isWatchdog: true) }
        default: break
        }
    }

    private func mayCrash(_ time: VirtualTime, isWatchdog: Bool) -> Bool {
        guard let limit = options.recover else { return false }
        count &+= 1
        if count > limit { loop = CrashLoop(limit: limit, time: time, isWatchdog: isWatchdog) }
        return loop == nil
    }

    /// Writes the memories of the device tree, as the kernel's dump has them, and the core's registers; once.
    func dump(_ board: M4Board, _ firmware: KnownFirmware?, fault: FaultReport? = nil) {
        guard let coredump, !coredump.isWritten, !board.isHeld else { return }
        let segments = regions.compactMap { region -> (device: UInt32, bytes: [UInt8])? in
            let start = region.range.start
            let device = board.configuration.chip.device(start)?.value ?? start.value
            return board.withMemory(start, count: Int(region.range.size)) { (device, Array($0)) }
        }
        coredump.write(CoredumpFormat.image(entry: firmware?.entry ?? 0, segments, isExtended: true, registers: CoredumpExtension.Registers(of: board, fault: fault)))
    }
}
