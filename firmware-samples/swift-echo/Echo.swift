// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// The tty echo, written in Embedded Swift over the C files in common/.
import Firmware

@main
struct Echo {
    static func main() {
        trace_line("swift-echo")
        ipcc_init()
        rpmsg_init()

        let name: StaticString = "rpmsg-tty"
        var tty = rpmsg_endpoint()
        tty.address = 0x400
        tty.receive = echo
        name.withUTF8Buffer { characters in
            characters.withMemoryRebound(to: CChar.self) { tty.name = $0.baseAddress }
        }
        // The endpoint must outlive the service, and serving never ends: the pointer stays good.
        withUnsafeMutablePointer(to: &tty) { endpoint in
            rpmsg_announce(endpoint)
            rpmsg_serve()
        }
    }
}

/// Sends a message back to where it came from.
func echo(
    endpoint: UnsafeMutablePointer<rpmsg_endpoint>?, payload: UnsafeRawPointer?, length: UInt32, source: UInt32
) {
    guard let endpoint, let payload else { return }
    trace_message(endpoint.pointee.address, length, source)
    _ = rpmsg_send(endpoint, source, payload, length)
}
