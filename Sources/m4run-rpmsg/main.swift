// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// Loads and times rpmsg through firmware: a benchmark, and a check of firmware that echoes.
//
//   m4run-rpmsg FIRMWARE.elf [--messages N] [--window N] [--lengths A-B] [--channels N] [--digest]
//               [--kernel newest|6.12|6.6|6.1|5.15] [--sanitizing off|rings|writers]
//   m4run-rpmsg --host-cost [--messages N]
//
// The firmware announces services `rpmsg-tty` or `rpmsg-raw` that send back what they get. Every echo is compared; the exit status
// is 1 when one was not right or did not come. One line a figure, as from `make bench`:
//
//   bench rpmsg.roundtrips VALUE per_s      wall time, boot excluded
//   bench rpmsg.growth VALUE KiB            of the process's memory, between a tenth of the messages and the last
//   bench rpmsg.virtual VALUE us            of virtual time a message
//   bench host.message VALUE us             of the Linux side alone, a message sent or received
import Foundation
import MachineBase
import RprocHost
import VirtualMP1

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("m4run-rpmsg: \(message)\n".utf8))
    exit(1)
}

func number(_ text: String?, _ option: String) -> UInt64 {
    guard let text, let value = UInt64(text), value > 0 else { fail("\(option) needs a number above 0, not \(text ?? "nothing")") }
    return value
}

/// Resident memory of this process in KiB; 0 where there is no /proc.
func residentMemory() -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
    let fields = text.split(separator: " ")
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) / 1024 : 0
}

var image: String?
var messages: UInt64 = 100_000, window: UInt64 = 1, channelCount: UInt64 = 1
var lengths = 1...64
var kernel = KernelProfile.newest, sanitizing = Sanitizing.rings
var takesDigest = false, measuresHost = false
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
    switch argument {
    case "--messages": messages = number(arguments.popFirst(), argument)
    case "--window": window = number(arguments.popFirst(), argument)
    case "--channels": channelCount = number(arguments.popFirst(), argument)
    case "--digest": takesDigest = true
    case "--host-cost": measuresHost = true
    case "--kernel":
        let profiles: [String: KernelProfile] = ["newest": .newest, "6.12": .v6_12, "6.6": .v6_6, "6.1": .v6_1, "5.15": .v5_15]
        guard let profile = arguments.popFirst().flatMap({ profiles[$0] }) else { fail("--kernel needs newest, 6.12, 6.6, 6.1 or 5.15") }
        kernel = profile
    case "--sanitizing":
        guard let mode = arguments.popFirst().flatMap(Sanitizing.init(rawValue:)) else { fail("--sanitizing needs off, rings or writers") }
        sanitizing = mode
    case "--lengths":
        let ends = (arguments.popFirst() ?? "").split(separator: "-").map { Int($0) }
        guard ends.count == 2, let low = ends[0], let high = ends[1], 0 <= low, low <= high, high <= Rpmsg.maximumPayload else {
            fail("--lengths needs two numbers from 0 to \(Rpmsg.maximumPayload), as 1-496")
        }
        lengths = low...high
    default:
        guard !argument.hasPrefix("-"), image == nil else { fail("unexpected argument \(argument)") }
        image = argument
    }
}

if measuresHost {
    do { print("bench host.message \(String(format: "%.3f", try HostCost.measure(Int(clamping: messages)))) us") } catch { fail("\(error)") }
    exit(0)
}
guard let image, let file = FileManager.default.contents(atPath: image) else { fail("no firmware: \(image ?? "give its file")") }

do {
    var configuration = SystemConfiguration(boot: .elf)
    configuration.linux.kernel = kernel
    configuration.sanitizing = sanitizing
    let system = try MP1System(configuration)
    system.keepsReceived = false
    try system.start(Array(file), name: "firmware.elf")
    func usable() -> [RpmsgChannel] { system.linux.channels.filter { $0.name == "rpmsg-tty" || $0.name == "rpmsg-raw" } }
    system.run(for: .seconds(1)) { usable().count >= Int(clamping: channelCount) }
    let channels = Array(usable().prefix(Int(clamping: channelCount)))
    guard channels.count == Int(clamping: channelCount) else {
        fail("\(channels.count) of \(channelCount) channels came: \(system.linux.diagnosis().joined(separator: "; "))")
    }
    let digest = TrafficDigest()
    if takesDigest { system.linux.observer = digest }
    let load = MessageLoad(system: system, channels: channels, lengths: lengths)
    let warmUp = max(1, messages / 10)
    func show(_ problem: String) -> Never {
        for index in 0..<system.linux.traceBuffers.count { fail(problem + "\ntrace\(index): " + (system.trace(index) ?? "").suffix(400)) }
        fail(problem)
    }
    if let problem = load.run(warmUp, window: window) { show(problem) }
    let memory = residentMemory(), virtual = system.now, begin = ContinuousClock.now
    if let problem = load.run(messages, window: window) { show(problem) }
    let wall = (ContinuousClock.now - begin) / .seconds(1), timed = Double(messages - warmUp)
    print("bench rpmsg.roundtrips \(String(format: "%.0f", wall > 0 ? timed / wall : 0)) per_s")
    print("bench rpmsg.growth \(residentMemory() - memory) KiB")
    print("bench rpmsg.virtual \(String(format: "%.3f", Double((system.now - virtual).nanoseconds) / 1000 / max(1, timed))) us")
    if takesDigest { print("digest \(String(digest.value, radix: 16)) at \(system.now) s") }
    for (time, finding) in system.linux.findings.kept.prefix(10) { print("finding \(time) \(finding)") }
} catch { fail("\(error)") }
