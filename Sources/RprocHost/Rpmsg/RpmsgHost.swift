// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// What all rpmsg buses of a host share: the drivers that channels are bound to, and who watches the messages.
final class RpmsgHost {
    /// The drivers that a usual kernel has built in.
    let tty: RpmsgTTYDriver
    let raw: RpmsgRawDriver
    /// All, in the order of their registration.
    private(set) var drivers: [any RpmsgDriver]
    let sample: RpmsgClientSampleDriver
    /// Sees every message in both directions; costs nothing while nil.
    var observer: (any RpmsgObserver)?
    /// Checks rings and buffers, while it is on.
    var sanitizer: RpmsgSanitizer?

    init(_ configuration: HostConfiguration) {
        let bindings = configuration.channelBindings
        tty = RpmsgTTYDriver(alsoNamed: bindings.names(of: .tty))
        raw = RpmsgRawDriver(alsoNamed: bindings.names(of: .raw))
        sample = RpmsgClientSampleDriver(count: configuration.clientSampleCount, alsoNamed: bindings.names(of: .clientSample))
        drivers = [tty, raw, sample]
    }

    func add(_ driver: any RpmsgDriver) { drivers.append(driver) }
    func driver(for channel: ForeignName) -> (any RpmsgDriver)? { drivers.first { $0.channelNames.contains(channel) } }
}
