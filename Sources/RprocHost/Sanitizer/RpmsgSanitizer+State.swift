// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

extension RpmsgSanitizer {
    /// What it knows of the device that it checks, but for the rings' books, which are in their queues' states. Patience, names and the record of
    /// writers are its owner's.
    struct State: Equatable, Sendable {
        var own: OwnState
        var checked: Checked?
    }
    struct Checked: Equatable, Sendable {
        /// Among the virtio devices.
        var place: Int
        var check: DeviceCheck.State
    }

    func state(_ devices: [RemoteVirtioDevice]) -> State {
        let checked = device.flatMap { check in
            devices.firstIndex { $0 === check.device }.map { Checked(place: $0, check: check.state) }
        }
        return State(own: own, checked: checked)
    }

    /// Behind the devices. Looks at nothing, and asks for no look: when one is due is the machine's to restore.
    func restore(_ state: State, _ devices: [RemoteVirtioDevice]) {
        own = state.own
        device = nil
        guard let checked = state.checked, devices.indices.contains(checked.place), let bus = devices[checked.place].rpmsg, let input = bus.input.check,
            let output = bus.output.check
        else { return }
        device = DeviceCheck(self, devices[checked.place], bus, input: input, output: output, checked.check)
    }
}
