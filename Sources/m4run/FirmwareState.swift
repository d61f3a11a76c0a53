import M4Board
import MachineBase
import RprocHost
import SecureLoader
import VirtualMP1

/// Where the firmware stands when nothing more happens: who waits for whom.
struct FirmwareState {
    private let system: MP1System
    init(_ system: MP1System) { self.system = system }

    var place: String {
        let registers = system.board.core.registers
        return "pc \(hex32(registers.pc)) (\(registers.exception))"
    }

    /// A sentence or two for a run of `image` that came to its limit.
    func hint(_ image: [UInt8]) -> String {
        let board = system.board, linux = system.linux
        if board.isHeld { return "The M4 is held in reset." }
        let core = board.isAsleep ? "The M4 sleeps (WFI) at \(place)" : "The M4 executes at \(place)"
        if linux.virtioDevices.isEmpty {
            let report = ImageReport(image, signatures: .unverified, support: .rsaAndECDSA)
            let why = report.warnings.first { $0.subject == .resourceTableAddress }.map { " (\($0.text))" } ?? ""
            return "\(core); Linux found no vdev in a resource table\(why), so it set up no rpmsg."
        }
        if linux.channels.isEmpty, let last = linux.withdrawnChannel {
            return "\(core); no channel is left: the firmware has destroyed its last one, \(ForeignText.line(last.name)) at 0x\(String(last.address, radix: 16))."
        }
        if linux.channels.isEmpty {
            return "\(core); Linux has set DRIVER_OK and posted its buffers, and waits for the firmware to announce a channel."
        }
        let names = linux.channels.map { "\(ForeignText.line($0.name)) at 0x\(String($0.destination, radix: 16))" + ($0.driver == nil ? " (no driver)" : "") }
        return "\(core); channels: \(names.joined(separator: ", "))."
    }
}
