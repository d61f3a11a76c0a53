import M4Board
import MachineBase

/// When to look at the trace buffers while the M4 runs: as often as firmware can have filled one.
///
/// Only execution writes to a buffer. So looks come at multiples of an interval while instructions execute, and while the core sleeps the
/// next one comes behind whatever happens next: what is left out would have seen nothing. A look reads, and nobody is woken by it.
final class TraceLook {
    private unowned(unsafe) var system: MP1System?
    private var slot: EventQueue.Slot?

    func attach(to system: MP1System) {
        self.system = system
        slot = system.board.events.register("trace buffers") { [unowned self] cycle in look(cycle) }
    }

    /// Goes on looking after a pause in which nothing was due.
    func arm() {
        guard let system, let slot, system.watchesTraces, system.events.isHeard, system.board.events.dueCycle(slot) == .max else { return }
        schedule(slot, behind: system.board.cycles, system)
    }

    private func look(_ cycle: UInt64) {
        guard let system, let slot, system.watchesTraces else { return }
        // Whoever waits for a line looks at what came.
        if system.traces.refresh(system) { system.board.core.requestStop() }
        schedule(slot, behind: system.board.isAsleep ? max(cycle, system.board.events.next) : cycle, system)
    }

    /// Cycles between two looks for buffers to watch.
    private static let withoutBuffers: UInt64 = 1 << 14

    private func schedule(_ slot: EventQueue.Slot, behind cycle: UInt64, _ system: MP1System) {
        let interval = system.traces.interval ?? Self.withoutBuffers
        let (due, isNever) = (cycle - cycle % interval).addingReportingOverflow(interval)
        system.board.events.schedule(slot, at: isNever ? .max : due)
    }
}
