// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import MachineBase
import RprocHost
import VirtualMP1

/// Drivers for channels whose name none of the usual ones has.
struct BindOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Let a channel of this name be bound by rpmsg-tty's driver, rpmsg-raw's or rpmsg-client-sample's, as an older or out-of-tree driver does: rpmsg-tty-channel=rpmsg-tty; repeatable.",
            valueName: "name=driver"),
        transform: BindOptions.read)
    var bind: [ChannelBinding] = []

    private static func read(_ text: String) throws -> ChannelBinding {
        let drivers = ChannelBinding.Driver.allCases.map(\.rawValue).joined(separator: ", ")
        guard let separator = text.lastIndex(of: "="), separator != text.startIndex, let driver = ChannelBinding.Driver(rawValue: String(text[text.index(after: separator)...])) else {
            throw ValidationError("allowed is NAME=DRIVER, with a driver of: \(drivers)")
        }
        let name = ForeignName(shown: String(text[..<separator]))
        guard name.bytes.count < 32 else { throw ValidationError("a channel's name has 31 bytes at most; '\(name)' has \(name.bytes.count)") }
        return ChannelBinding(name: name, driver: driver)
    }

    func configure(_ configuration: inout SystemConfiguration) { configuration.linux.channelBindings = bind }

    /// A driver for the channel that `--to` names, if no other has that name: it stands for the user's own.
    func attach(to system: MP1System, _ destination: Destination) {
        guard case .channel(let name) = destination, !ChannelBinding.usualNames.contains(name), !bind.contains(where: { $0.name == name }) else { return }
        // What comes is heard by `ChannelListener`, or the doctor.
        system.linux.register(driver: ClosureRpmsgDriver(name, receive: { _, _, _ in }))
    }
}
