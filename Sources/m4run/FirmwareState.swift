import M4Board
import MachineBase
import RprocHost
import VirtualMP1

/// Where the firmware stands when nothing more happens: who waits for whom.
struct FirmwareState {
    private let system: MP1System
    init(_ system: MP1System) { self.system = system }

    var place: String {
        let registers = system.board.core.registers
        return "pc \(hex32(registers.pc)) (\(registers.exception))"
    }

    /// One sentence for a run that came to its limit.
    var hint: String {
        let board = system.board, linux = system.linux
        if board.isHeld { return "The M4 is held in reset." }
        let core = board.isAsleep ? "The M4 sleeps (WFI) at \(place)" : "The M4 executes at \(place)"
        if linux.virtioDevices.isEmpty {
            return "\(core); the image has no resource table with a vdev, so Linux set up no rpmsg."
        }
        if linux.channels.isEmpty {
            return "\(core); Linux has set DRIVER_OK and posted its buffers, and waits for the firmware to announce a channel."
        }
        let names = linux.channels.map { "\($0.name) at 0x\(String($0.destination, radix: 16))" + ($0.driver == nil ? " (no driver)" : "") }
        return "\(core); channels: \(names.joined(separator: ", "))."
    }
}
