// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

extension RemoteProcessor {
    /// All of Linux's side that changes: life cycle, settings of sysfs and debugfs, work and lock, mailbox, kick faults with their random numbers, resource
    /// table, carveouts, virtio devices with rings, channels, endpoints and what waits in devices, the sanitizer's books, findings.
    ///
    /// It belongs to hosts of the same configuration, with the same drivers registered in the same order. Not in it: the machine beside (memory, mailbox
    /// registers, clock), files, listeners, the log's threshold and lines, and what programs' drivers, endpoints and open files know.
    public struct WholeState: Equatable, Sendable, CustomStringConvertible {
        var configuration: HostConfiguration
        var own: OwnState
        var work: WorkQueue.State
        var mailbox: IPCCDriver.State
        var kickFaults: FaultyDoorbellLink.State?
        var table: TableMemory.State
        var carveouts: CarveoutList.State
        var resources: ResourceHandler.State
        var operations: STM32Operations.State
        var virtio: VirtioTransport.State
        var rpmsg: RpmsgHost.State
        var sanitizer: RpmsgSanitizer.State?
        var findings: Findings.State

        public var description: String { "state of \(configuration.name), \(own.state.rawValue)" }
        /// Its life cycle's.
        public var state: RemoteProcessorState { own.state }
    }

    /// All of it as one value. Touches nothing of the machine's.
    ///
    /// - Throws: `busy` in the midst of a call, of work or of an interrupt; a recovery that waits for its dump to be freed is none of these.
    public var wholeState: WholeState {
        get throws(StateError) {
            try checkRest()
            return WholeState(
                configuration: configuration, own: own, work: work.state, mailbox: doorbells.mailbox.state, kickFaults: (doorbells as? FaultyDoorbellLink)?.state,
                table: table.state, carveouts: carveoutList.state, resources: resources.state, operations: operations.state, virtio: virtio.state,
                rpmsg: rpmsgHost.state(virtio.buses), sanitizer: sanitizer?.state(virtio.devices), findings: kernel.findings.state)
        }
    }

    /// Becomes what the state says; the machine beside is restored by its owner, with the call of `workDue` that was asked for.
    ///
    /// Nothing is logged, published, sent or read. Channels, ttys, devices, carveouts and buses that are there and in the state (the same number, name and
    /// addresses) stay the objects that they are, also those that a stop or crash has made a program hold without use while it has them open; others that
    /// programs hold are gone, as after a stop. Programs' drivers hear of no probe and no removal. An endpoint that a program made goes on where it is there
    /// still; else its address stays taken, and nobody hears its messages.
    ///
    /// - Throws: `busy` as for `wholeState`, `mismatch` for a state of another configuration; nothing has changed then.
    public func restore(_ saved: WholeState) throws(StateError) {
        try checkRest()
        try check(saved)
        own = saved.own
        work.state = saved.work
        doorbells.mailbox.state = saved.mailbox
        if let kickFaults = saved.kickFaults { (doorbells as? FaultyDoorbellLink)?.state = kickFaults }
        table.state = saved.table
        carveoutList.state = saved.carveouts
        resources.state = saved.resources
        operations.state = saved.operations
        kernel.findings.state = saved.findings

        var objects = RpmsgObjects(virtio.buses, raw)
        virtio.restore(saved.virtio, among: &objects)
        rpmsgHost.restore(saved.rpmsg, virtio.buses, among: &objects)
        objects.forgetRest()
        let devices = raw.nodes.compactMap { $0 }
        for (bus, state) in zip(virtio.buses, saved.virtio.devices) { bus?.enter(state.rpmsg?.endpoints ?? [], devices) }
        if let state = saved.sanitizer { sanitizer?.restore(state, virtio.devices) }
    }

    /// Whether Linux is in no call, no work and no interrupt: what writes `state` would begin at once.
    public var isAtRest: Bool { !work.isBusy && !own.isHandlingInterrupt && kernel.calls == 0 }

    private func checkRest() throws(StateError) {
        if work.isBusy { throw .busy("what Linux does under remoteproc's lock") }
        if own.isHandlingInterrupt { throw .busy("an interrupt handler of Linux's") }
        if kernel.calls > 0 { throw .busy("a call of Linux's") }
    }

    private func check(_ saved: WholeState) throws(StateError) {
        func demand(_ what: String, _ seen: String, _ allowed: String, _ isSame: Bool) throws(StateError) {
            if !isSame { throw .mismatch(what, seen: seen, allowed: allowed) }
        }
        let seen = saved.configuration
        try demand("boot sequence", seen.bootSequence.rawValue, configuration.bootSequence.rawValue, seen.bootSequence == configuration.bootSequence)
        try demand("configuration of Linux", "\(seen.name)'s with other values", "\(configuration.name)'s", seen == configuration)
        func word(_ isOn: Bool) -> String { isOn ? "on" : "off" }
        try demand("sanitizer", word(saved.sanitizer != nil), word(sanitizer != nil), (saved.sanitizer == nil) == (sanitizer == nil))
        for place in saved.virtio.devices.flatMap({ $0.rpmsg?.channels ?? [] }).compactMap(\.driver) where rpmsgHost.driver(place) == nil {
            let here = rpmsgHost.drivers.indices.contains(place.number) ? rpmsgHost.drivers[place.number].driverName : "none"
            throw .mismatch("rpmsg driver number \(place.number)", seen: place.name, allowed: here)
        }
    }
}
