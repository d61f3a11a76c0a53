// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// What every part of the host has at hand: what was decided before it started, the machine, log and findings; and the kernel's ways to
/// speak, to touch memory and to let time pass.
final class KernelContext {
    let configuration: HostConfiguration
    let platform: any HostPlatform
    let log: KernelLog
    let findings: Findings
    /// Calls of the host's that are under way and hold no lock: no state is taken in the midst of one.
    var calls = 0
    var bus: any NonSecureBus { platform.bus }
    var now: VirtualTime { platform.now }

    init(configuration: HostConfiguration, platform: any HostPlatform, log sink: ((KernelLogRecord) -> Void)?) {
        self.configuration = configuration
        self.platform = platform
        log = KernelLog(platform: platform)
        log.sink = sink
        findings = Findings(platform: platform)
    }

    var deviceName: String { "remoteproc remoteproc\(configuration.index)" }
    /// The platform device, which the driver's own lines name.
    var driverDevice: String { "\(configuration.driver.rawValue) \(configuration.platformDevice)" }

    func info(_ message: @autoclosure () -> String) { log.emit(.info, deviceName, message()) }
    func warn(_ message: @autoclosure () -> String) { log.emit(.warning, deviceName, message()) }
    func error(_ message: @autoclosure () -> String, _ cause: @autoclosure () -> KernelLogCause? = nil) {
        log.emit(.error, deviceName, message(), cause: cause())
    }
    func debug(_ message: @autoclosure () -> String) { log.emit(.debug, deviceName, message()) }

    /// Runs bus accesses; a refusal becomes a finding and EFAULT, where the real kernel would take an external abort.
    func onBus<R>(_ what: String, _ body: () throws(BusError) -> R) throws(Errno) -> R {
        do throws(BusError) { return try body() } catch {
            findings.report(.busError(error, during: what))
            throw .fault
        }
    }

    /// Runs a call of the host's.
    @inline(__always) func during<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        calls &+= 1
        defer { calls &-= 1 }
        return try body()
    }

    func letPass(_ span: VirtualTime) {
        if span > .zero { _ = platform.wait(until: platform.now + span, or: { false }) }
    }
}
