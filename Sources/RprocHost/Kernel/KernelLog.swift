// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// printk's levels.
public enum KernelLogLevel: Int, Comparable, Sendable, CaseIterable {
    case emergency = 0, alert, critical, error, warning, notice, info, debug
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// What a line of the kernel log is about, for whoever acts on it: its text has words of the firmware's in it.
public enum KernelLogCause: Equatable, Sendable {
    /// The mailbox core's error about a mailbox that the driver then does without: it explains no failure.
    case missingMailbox
    /// The resource table as a whole, or one of its entries, is not as it has to be.
    case resourceTable
    /// The boot ends at what the resource table asks for.
    case resources
    /// A ring has no buffers or no alignment, or a carveout does not fit its memory region.
    case ring
    /// No memory is to be had for a carveout.
    case missingMemory(carveout: String)
    /// A segment lies in none of the M4's memories.
    case segment
}

/// One line of the kernel log.
public struct KernelLogRecord: Equatable, Sendable, CustomStringConvertible {
    public var time: VirtualTime
    public var level: KernelLogLevel
    /// Driver and device as dev_printk puts them first: `remoteproc remoteproc0`. Empty for a bare printk.
    public var device: String
    public var message: String
    /// nil for what nobody acts on.
    public var cause: KernelLogCause?

    public init(time: VirtualTime, level: KernelLogLevel, device: String, message: String, cause: KernelLogCause? = nil) {
        self.time = time; self.level = level; self.device = device; self.message = message; self.cause = cause
    }

    /// Device and message as dmesg shows them without a time stamp: `remoteproc remoteproc0: powering up m4`.
    public var line: String { device.isEmpty ? message : "\(device): \(message)" }

    /// As dmesg shows it: `[    0.001234] remoteproc remoteproc0: powering up m4`.
    public var description: String {
        let stamp = time.description
        return "[" + String(repeating: " ", count: max(0, 12 - stamp.count)) + stamp + "] " + line
    }
}

/// The kernel log of the Linux side.
public final class KernelLog {
    /// Gets every record of `maximumLevel` or more severe, in order.
    public var sink: ((KernelLogRecord) -> Void)? {
        get { listener }
        set { listener = newValue }
    }
    /// `.info` by default; `.debug` also gives the dynamic-debug lines, among them two for each message.
    public var maximumLevel: KernelLogLevel {
        get { threshold }
        set { threshold = newValue }
    }
    // Kept out of other modules' sight, so that the look at them before each line costs nothing.
    private var listener: ((KernelLogRecord) -> Void)?
    private var threshold = KernelLogLevel.info
    private unowned let platform: any HostPlatform

    init(platform: any HostPlatform) { self.platform = platform }

    /// The message is only built when somebody gets it.
    @inline(__always) func emit(
        _ level: KernelLogLevel, _ device: @autoclosure () -> String, _ message: @autoclosure () -> String, cause: @autoclosure () -> KernelLogCause? = nil
    ) {
        guard level.rawValue <= threshold.rawValue, let listener else { return }
        listener(KernelLogRecord(time: platform.now, level: level, device: device(), message: message(), cause: cause()))
    }
}

extension KernelLog {
    /// `dynamic_hex_dump` in rows of 16 bytes, with their characters.
    func dump(_ prefix: StaticString, _ bytes: some Collection<UInt8>) {
        guard maximumLevel >= .debug, sink != nil else { return }
        var rest = bytes[...]
        while !rest.isEmpty {
            let row = rest.prefix(16)
            rest = rest.dropFirst(16)
            let numbers = row.map { ($0 < 16 ? "0" : "") + hex($0) }.joined(separator: " ")
            let text = String(String.UnicodeScalarView(row.map { Unicode.Scalar($0 >= 0x20 && $0 < 0x7F ? $0 : 0x2E) }))
            emit(.debug, "", "\(prefix)\(numbers)\(String(repeating: " ", count: 49 - numbers.utf8.count))\(text)")
        }
    }
}

/// printk's rate limit: at most `burst` lines in `interval`, then a line that counts what was left out.
struct RateLimit: Equatable, Sendable {
    var interval = VirtualTime.seconds(5)
    var burst = 10
    private var begin: VirtualTime?
    private var printed = 0
    private var missed = 0

    /// Whether a line may be printed now, and how many were left out before it if the interval has just ended.
    mutating func allow(at now: VirtualTime) -> (allowed: Bool, suppressed: Int) {
        var suppressed = 0
        if let start = begin, now - start > interval {
            suppressed = missed
            begin = nil
        }
        if begin == nil { begin = now; printed = 0; missed = 0 }
        if printed < burst { printed += 1; return (true, suppressed) }
        missed &+= 1
        return (false, suppressed)
    }
}

/// C's `%x`.
func hex(_ value: some BinaryInteger) -> String { String(value, radix: 16) }

/// A name out of firmware's memory as dmesg shows it: bytes that are not printable ASCII become `\xNN`.
func printable(_ text: String) -> String { ForeignText.ascii(text) }
func printable(_ name: ForeignName) -> String { ForeignText.component(name.bytes) }
