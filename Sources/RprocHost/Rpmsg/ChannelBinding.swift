// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A channel name that one of the usual drivers binds to beside its own, as an older or an out-of-tree one does: ST's rpmsg_tty of Linux
/// 4.19 and 5.4 took `rpmsg-tty-channel`.
public struct ChannelBinding: Equatable, Sendable {
    /// Drivers by the channel name that is their own.
    public enum Driver: String, Sendable, CaseIterable {
        case tty = "rpmsg-tty"
        case raw = "rpmsg-raw"
        case clientSample = "rpmsg-client-sample"
    }
    /// As the firmware announces it.
    public var name: ForeignName
    public var driver: Driver

    public init(name: ForeignName, driver: Driver) { self.name = name; self.driver = driver }

    /// Names that drivers have without any binding.
    public static let usualNames: [ForeignName] = ["rpmsg-tty", "rpmsg-raw", "rpmsg_chrdev", "rpmsg-client-sample"]
}

extension [ChannelBinding] {
    func names(of driver: ChannelBinding.Driver) -> [ForeignName] { filter { $0.driver == driver }.map(\.name) }
}
