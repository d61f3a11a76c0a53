// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CRegisterMap

/// A block's line to the chip's pins, by RM0436's name: `LPTIM1_IN1`. It is at each pin for which firmware has selected the alternate
/// function that the line is; at none, what the block drives goes nowhere, and what it would hear is low.
struct PinSignal {
    private let pins: PinSignals
    private let number: Int

    /// - Parameter name: RM0436's. Where the chip has no such pin, the line leads nowhere.
    init(_ name: String, on interconnect: Interconnect) {
        pins = interconnect.pins
        number = pins.number(of: name)
    }

    /// Calls `action` whenever the level changes that comes in; once a signal, when its block is made.
    func connect(_ action: @escaping (Bool) -> Void) { pins.connect(number, action) }

    /// What the block drives; nil: nothing.
    @inline(__always) func drive(_ level: Bool?) { pins.drive(number, level) }
}

/// The signals of all blocks at pins: where each can be, what is driven, and who hears.
final class PinSignals {
    /// Of a signal.
    struct Level: Equatable, Sendable {
        var driven: Bool?
        /// At its pins, as last told.
        var input = false
    }
    /// A pin's function that is a signal.
    private struct Place {
        let port: Int, pin: UInt32, function: UInt32
        let signal: Int
    }
    private let map: UnsafePointer<register_map>
    private var names: [String] = []
    private var actions: [((Bool) -> Void)?] = []
    /// By port.
    private var places = [[Place]](repeating: [], count: GPIO.Port.allCases.count)
    /// Set with the blocks.
    var ports: [Unmanaged<GPIO>] = []
    var levels: [Level] = []

    init(_ map: UnsafePointer<register_map>) { self.map = map }

    /// A signal's number, and its places if it is new.
    func number(of name: String) -> Int {
        if let known = names.firstIndex(of: name) { return known }
        let number = names.count
        names.append(name)
        actions.append(nil)
        levels.append(Level())
        var next = register_map_alternate_named(map, name, 0)
        while next >= 0 {
            let found = map.pointee.pins.pointee.alternates[Int(next)], port = Int(found.pin >> 4)
            if places.indices.contains(port) {
                places[port].append(Place(port: port, pin: UInt32(found.pin & 15), function: UInt32(found.function), signal: number))
            }
            next = register_map_alternate_named(map, name, UInt32(next) &+ 1)
        }
        return number
    }

    func connect(_ number: Int, _ action: @escaping (Bool) -> Void) { actions[number] = action }

    func drive(_ number: Int, _ level: Bool?) {
        guard levels[number].driven != level else { return }
        levels[number].driven = level
        for port in ports.indices where places[port].contains(where: { $0.signal == number }) {
            ports[port]._withUnsafeGuaranteedRef { $0.signalChanged() }
        }
    }

    // MARK: For ports

    /// Pins of a port at which a block's signal may be.
    func pins(of port: Int) -> UInt16 { places[port].reduce(0) { $0 | 1 &<< UInt16($1.pin) } }

    /// What is driven at pins of a port, of which `functions` tells each one's alternate function, or nil where it has none.
    func driven(at port: Int, _ functions: (UInt32) -> UInt32?) -> (pins: UInt16, levels: UInt16) {
        var pins: UInt16 = 0, high: UInt16 = 0
        for place in places[port] where functions(place.pin) == place.function {
            guard let level = levels[place.signal].driven else { continue }
            let bit = UInt16(1) &<< UInt16(place.pin)
            pins |= bit
            if level { high |= bit }
        }
        return (pins, high)
    }

    /// Tells blocks what comes in at a port's pins, after a change there.
    func present(_ port: Int) {
        for place in places[port] where actions[place.signal] != nil { refresh(place.signal) }
    }

    /// A signal at several pins is high where one of them is.
    private func refresh(_ signal: Int) {
        var input = false
        for port in ports.indices {
            for place in places[port] where place.signal == signal {
                if ports[port]._withUnsafeGuaranteedRef({ $0.carries(place.function, at: place.pin) && $0.levels >> UInt16(place.pin) & 1 != 0 }) { input = true }
            }
        }
        guard input != levels[signal].input else { return }
        levels[signal].input = input
        actions[signal]?(input)
    }
}
