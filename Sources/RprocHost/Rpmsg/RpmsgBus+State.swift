// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

extension RpmsgBus {
    /// Which bus it is, its channels, and the addresses that have endpoints. Rings are their device's. A bus that is gone has no state.
    struct State: Equatable, Sendable {
        var hasNameService: Bool
        var bufferBase: PhysicalAddress
        var bufferCount: UInt32
        var own: OwnState
        var channels: [RpmsgChannel.State]
        /// In ascending order.
        var endpoints: [UInt32]
    }
    var state: State {
        State(
            hasNameService: hasNameService, bufferBase: bufferBase, bufferCount: bufferCount, own: own, channels: channels.map { $0.state(host) },
            endpoints: endpoints.keys.sorted())
    }

    /// Whether the state is this bus's: the same buffers under the same rings.
    func isSame(_ state: State, input: VirtQueue, output: VirtQueue) -> Bool {
        self.input === input && self.output === output && hasNameService == state.hasNameService
            && (bufferBase, bufferCount) == (state.bufferBase, state.bufferCount)
    }

    /// Posts nothing and rings for nobody. Endpoints follow, by `enter`.
    func restore(_ state: State, among objects: inout RpmsgObjects) {
        own = state.own
        channels = state.channels.map { objects.channel($0, bus: self) }
    }

    /// The endpoints of these addresses: the name service's, channels', devices'; else a program's that is there still. One that a program had made
    /// elsewhere, or has given up, keeps its address, and nobody hears its messages.
    func enter(_ addresses: [UInt32], _ devices: [RpmsgCharacterDevice]) {
        var known = endpoints.filter { $0.value.isPrograms }
        if hasNameService { known[Rpmsg.nameServiceAddress] = nameServiceEndpoint }
        for case let endpoint? in channels.map(\.endpoint) + devices.map({ $0.bus === self ? $0.endpoint : nil }) { known[endpoint.address] = endpoint }
        endpoints = [:]
        for address in addresses { endpoints[address] = known[address] ?? RpmsgEndpoint(address: address, isPrograms: true) { _, _ in } }
    }
}
