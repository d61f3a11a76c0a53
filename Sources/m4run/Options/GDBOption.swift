// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import Debugger
import VirtualMP1

/// Where a debugger may come to.
struct GDBAddress: ExpressibleByArgument, CustomStringConvertible {
    let address: DebugAddress
    static let usual = GDBAddress(address: .usual)
    static let help = "ADDRESS, PORT, ADDRESS:PORT, a socket's path, or stdio; 127.0.0.1:3333 unless told"

    init(address: DebugAddress) { self.address = address }
    init?(argument: String) {
        guard let address = DebugAddress(argument) else { return nil }
        self.address = address
    }
    var description: String { address.description }
    var defaultValueDescription: String { description }
}

/// A debugger beside a run.
struct GDBOption: ParsableArguments {
    @Option(
        defaultAsFlag: GDBAddress.usual, parsing: .next,
        help: ArgumentHelp(
            "Serve gdb at this address: a port, address:port, a socket's path or stdio; 127.0.0.1:3333 unless told. The M4 stands before its first instruction until gdb lets it run; in a run with --devices or --control gdb attaches to what runs.",
            valueName: "address"))
    var gdb: GDBAddress?

    /// Whether the M4 waits for the debugger where the run is one with folders.
    var waits = false

    private enum CodingKeys: CodingKey { case gdb }
}
