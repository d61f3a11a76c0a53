// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The kernel's `rpmsg_client_sample`: says "hello world!" first and after each answer, and goodbye after `count`.
final class RpmsgClientSampleDriver: RpmsgDriver {
    let driverName = "rpmsg_client_sample"
    let channelNames: [ForeignName]
    private let count: Int
    private static let greeting = Array("hello world!".utf8)
    private var answers: [(channel: RpmsgChannel, count: Int)] = []

    struct State: Equatable, Sendable {
        struct Answered: Equatable, Sendable {
            /// Among all channels.
            var channel: Int
            var count: Int
        }
        var answers: [Answered]
    }
    func state(_ channels: [RpmsgChannel]) -> State {
        State(answers: answers.compactMap { answer in
            channels.firstIndex { $0 === answer.channel }.map { State.Answered(channel: $0, count: answer.count) }
        })
    }
    /// Behind the channels.
    func restore(_ state: State, _ channels: [RpmsgChannel]) {
        answers = state.answers.compactMap { channels.indices.contains($0.channel) ? (channels[$0.channel], $0.count) : nil }
    }

    init(count: Int, alsoNamed names: [ForeignName] = []) {
        self.count = count
        channelNames = ["rpmsg-client-sample"] + names
    }

    func probe(_ channel: RpmsgChannel) throws(Errno) {
        channel.bus?.kernel.log.emit(
            .info, channel.logName, "new channel: 0x\(hex(channel.source)) -> 0x\(hex(channel.destination))!")
        answers.append((channel, 0))
        try greet(channel)
    }

    func received(_ payload: UnsafeRawBufferPointer, from source: UInt32, on channel: RpmsgChannel) {
        guard let log = channel.bus?.kernel.log, let index = answers.firstIndex(where: { $0.channel === channel }) else { return }
        answers[index].count += 1
        log.emit(.info, channel.logName, "incoming msg \(answers[index].count) (src: 0x\(hex(source)))")
        guard answers[index].count < count else {
            log.emit(.info, channel.logName, "goodbye!")
            return
        }
        do throws(Errno) { try greet(channel) } catch {}
    }

    func remove(_ channel: RpmsgChannel) {
        answers.removeAll { $0.channel === channel }
        channel.bus?.kernel.log.emit(.info, channel.logName, "rpmsg sample client driver is removed")
    }

    private func greet(_ channel: RpmsgChannel) throws(Errno) {
        do throws(Errno) { try channel.send(Self.greeting) } catch {
            channel.bus?.kernel.log.emit(.error, channel.logName, "rpmsg_send failed: \(error.negative)")
            throw error
        }
    }
}
