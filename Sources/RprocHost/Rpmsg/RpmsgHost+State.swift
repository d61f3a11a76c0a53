// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

extension RpmsgHost {
    /// A driver by the order of its registration, and its name to tell it by.
    struct DriverPlace: Equatable, Sendable {
        var number: Int
        var name: String
    }
    func place(_ driver: any RpmsgDriver) -> DriverPlace? {
        drivers.firstIndex { $0 === driver }.map { DriverPlace(number: $0, name: driver.driverName) }
    }
    /// nil where no such driver is registered.
    func driver(_ place: DriverPlace) -> (any RpmsgDriver)? {
        guard drivers.indices.contains(place.number), drivers[place.number].driverName == place.name else { return nil }
        return drivers[place.number]
    }

    /// Of the kernel's own drivers what is not in their channels. What a program's driver knows is the program's.
    struct State: Equatable, Sendable {
        /// Numbers of ttys that are known.
        var ttyCount: Int
        var raw: RpmsgRawDriver.State
        var sample: RpmsgClientSampleDriver.State
    }

    func state(_ buses: [RpmsgBus?]) -> State {
        State(ttyCount: tty.ports.count, raw: raw.state(buses), sample: sample.state(buses.flatMap { $0?.channels ?? [] }))
    }

    /// Behind the buses.
    func restore(_ state: State, _ buses: [RpmsgBus?], among objects: inout RpmsgObjects) {
        let channels = buses.flatMap { $0?.channels ?? [] }
        tty.restore(channels, count: state.ttyCount)
        raw.restore(state.raw, channels, buses, among: &objects)
        sample.restore(state.sample, channels)
    }
}
