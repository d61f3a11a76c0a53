import Foundation
import ELF32
import M4Board
import MachineBase
import RprocHost
import SecureLoader

/// Runs a firmware and says why no channel appears, or no answer comes: who waits for whom.
///
/// Sends one line where a channel of `rpmsg-tty` or `rpmsg-raw` comes up, since firmware learns Linux's address from a message.
public struct Doctor {
    let system: MP1System
    let image: [UInt8]
    let symbols: FirmwareSymbols
    var report = DoctorReport()
    /// What the kernel complained of.
    var kernelErrors: [String] = []
    private final class KernelErrors { var messages: [String] = [] }
    /// What Linux says to the first channel.
    public static let greeting = "hello\n"

    /// - Parameters:
    ///   - system: not yet started.
    ///   - symbols: of `image`.
    public init(_ system: MP1System, image: [UInt8], symbols: FirmwareSymbols) {
        self.system = system; self.image = image; self.symbols = symbols
        system.recordsForDiagnosis = M4Board.recordsAccesses
    }

    /// Boots the image, lets `span` of virtual time pass, and looks.
    public mutating func examine(name: String, span: VirtualTime) -> DoctorReport {
        let heard = KernelErrors()
        let listener = system.onEvent
        system.onEvent = { event in
            if case .kernelLog(let record) = event, record.level <= .error, !record.isMissingMailbox { heard.messages.append(record.message) }
            listener?(event)
        }
        let begin = system.now
        do throws(SystemError) {
            try system.start(image, name: name)
            report.note("accepted", "\(name) is loaded" + (system.configuration.linux.bootSequence.usesTEE ? " by OP-TEE" : " by Linux") + " and started.")
            converse(until: begin + span)
        } catch {
            judge(error, heard.messages)
        }
        kernelErrors = heard.messages
        report.span = system.now - begin
        report.channels = system.linux.channels.map { channel in
            DoctorReport.Channel(name: channel.name, address: channel.destination, driver: channel.driver?.driverName, answers: answers(channel))
        }
        if let reason = system.stopReason { judgeStop(reason) } else if system.linux.state == .running { judgeChain() }
        judgeFindings()
        return report
    }

    private func converse(until end: VirtualTime) {
        func left() -> VirtualTime { end > system.now ? end - system.now : .zero }
        func isThere() -> Bool { system.linux.channels.contains { $0.driver != nil } }
        while !isThere(), system.stopReason == nil, left() > .zero {
            let now = system.now
            system.run(for: min(left(), .milliseconds(10)), until: isThere)
            if system.now == now { break }
        }
        if isThere() {
            system.run(for: min(left(), .milliseconds(20)))
            if let tty = try? system.openTTY(0, within: .zero) { try? tty.send(Self.greeting) } else if let raw = system.linux.raw.device(0) {
                try? system.send(Array(Self.greeting.utf8), on: raw)
            }
        }
        while system.stopReason == nil, left() > .zero {
            let now = system.now
            system.run(for: left())
            if system.now == now { break }
        }
    }

    /// Whether the firmware has sent something from there beside the announcement, or taken what Linux sent.
    private func answers(_ channel: RpmsgChannel) -> Bool {
        guard channel.driver != nil, let ring = system.linux.virtioDevices.first?.rings.dropFirst().first else { return false }
        if system.linux.messageCounts.received > UInt64(system.linux.channels.count) { return true }
        return ring.availableIndex != 0 && ring.usedIndex == ring.availableIndex
    }

    // MARK: Refusals and stops

    private mutating func judge(_ error: SystemError, _ kernelErrors: [String]) {
        switch error {
        case .refused(let failure):
            report.problem(
                "image-refused", rank: 0, "OP-TEE refuses the image: \(failure)",
                "'m4run verify --explain' walks through the TA's checks; sign the image anew with the key that OP-TEE trusts.")
        case .linux(let doing, let errno):
            let said = kernelErrors.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
            guard !judgeRingAddress(kernelErrors), !judgeMissingRegion(kernelErrors), !judgeRefusedTable(kernelErrors) else { return }
            report.problem(
                "linux-refused", rank: 0, "Linux refuses the boot: \(doing): \(errno)" + (said.isEmpty ? "." : ", after \(said)."),
                "compare the image's segments and table with the device tree's memory regions.")
        case .stopped: break
        case .timeout(let what, _): report.problem("timeout", rank: 0, "Linux waited for \(what) in vain.", "run with --log-level debug.")
        }
    }

    /// Whether Linux found a vring's address, or its size, outside of the region that is meant for it.
    mutating func judgeRingAddress(_ kernelErrors: [String]) -> Bool {
        guard let said = kernelErrors.first(where: { $0.contains("Registered carveout doesn't fit") }) else { return false }
        report.problem(
            "ring-address", rank: 1, "Linux sets up no vdev: a vring of the table does not fit its region ('\(said)'); the regions are \(regions).",
            "give the table's vring da 0xffffffff (any), or an address in these regions, as the M4 sees them.")
        return true
    }

    /// Whether Linux has no memory region for a ring, or for a segment.
    private mutating func judgeMissingRegion(_ kernelErrors: [String]) -> Bool {
        let all = system.configuration.linux.memoryRegions.map { "\($0.name) \(hex32($0.range.start.value)) + 0x\(String($0.range.size, radix: 16))" }.joined(separator: ", ")
        let carveout = "Unable to allocate carveout "
        if let said = kernelErrors.first(where: { $0.contains(carveout) }), let found = said.range(of: carveout) {
            let name = said[found.upperBound...].prefix { $0 != ":" }
            report.problem(
                "region-missing", rank: 0, "Linux refuses the boot: '\(said)'. The device tree's memory-region names no \(name); it has \(all).",
                "add a reserved-memory node \(name) (no-map, shared-dma-pool) to the node's memory-region.")
            return true
        }
        guard let said = kernelErrors.first(where: { $0.contains("bad phdr da") }) else { return false }
        report.problem(
            "segment-outside", rank: 0, "Linux refuses the boot: '\(said)'. That segment lies in none of the device tree's regions (by the A7's addresses): \(all).",
            "make the linker script's memory map and the device tree's memory-region agree.")
        return true
    }

    private var regions: String {
        system.configuration.linux.memoryRegions.filter { $0.name.contains("vring") }.map { "\(hex32($0.range.start.value)), \($0.range.size) bytes" }
            .joined(separator: " and ")
    }

    private mutating func judgeStop(_ reason: StopReason) {
        switch reason {
        case .fault(let fault), .lockup(let fault):
            let callers = system.callChain(of: fault.registers, history: fault.history, symbols)
            let isBeforeMain = callers.isComplete && symbols["main"] != nil && isOutsideMain(fault.registers.pc, callers)
            let chain = callers.text(limit: 8, symbols.name(of:)).map { ", " + $0 } ?? ""
            report.problem(
                isBeforeMain ? "fault-before-main" : "fault", rank: 0,
                "The firmware faults at \(place(fault.registers.pc)) after \(system.now) s: \(fault.summary)\(chain)"
                    + (isBeforeMain ? "; main is not among the callers: it faults in start-up." : "."),
                "look at that instruction's address; 'm4run run --break' stops before it.")
        default:
            report.problem(
                "stopped", rank: 0, "The M4 stops after \(system.now) s: \(reason.name).", "'m4run run' says more about it.")
        }
    }

    private mutating func judgeFindings() {
        var seen: [String] = []
        for (time, finding) in system.linux.findings.kept where finding.evidence != nil && !seen.contains(finding.name) {
            seen.append(finding.name)
            report.problem(finding.name, rank: 60, "At \(time) s, \(finding).", "see the sanitizer's rules in the README.")
        }
    }

    private func isOutsideMain(_ pc: UInt32, _ callers: CallChain) -> Bool {
        guard let main = symbols["main"]?.address else { return true }
        return !([pc] + callers.callers.map(\.place)).contains { symbols.function(at: $0)?.start == main }
    }

    /// `fault_id+0x4 (0x10000412)`.
    func place(_ address: UInt32) -> String { symbols.place(address) }
}
