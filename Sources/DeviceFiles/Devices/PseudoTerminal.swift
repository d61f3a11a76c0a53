// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc

/// A pseudo-terminal, seen from the side that plays the device.
///
/// A descriptor of the terminal's own side is held, too: programs may come and go, and the device's side neither fails with EIO
/// nor forgets the line's settings in between, as a serial port does not.
final class PseudoTerminal {
    /// The device's side; -1 once it is closed.
    private(set) var master: Int32
    private var slave: Int32
    /// `/dev/pts/3`
    let path: String

    /// Settings as `rpmsg_tty` begins with: `tty_std_termios` (ICRNL, IXON; 38400 Bd, CS8, CREAD, HUPCL; ISIG, IEXTEN and the ECHOs of editing)
    /// without ECHO, ICANON, OPOST and ONLCR. So what the firmware sends passes unchanged but for CR, which becomes NL, and
    /// XON, XOFF and the characters of ISIG, which act; `stty raw` ends that.
    ///
    /// - Parameter earlier: what programs have set on a terminal of the same number before; the kernel keeps that.
    /// - Source: Linux `drivers/tty/rpmsg_tty.c` (`rpmsg_tty_init`), `drivers/tty/tty_io.c` (`tty_std_termios`, `tty_save_termios`).
    init(_ earlier: termios?) throws(DeviceFilesError) {
        var master: Int32 = -1, slave: Int32 = -1
        var name = [CChar](repeating: 0, count: 64)
        guard openpty(&master, &slave, &name, nil, nil) == 0 else { throw .system("a pseudo-terminal") }
        Descriptor.prepare(master)
        _ = fcntl(slave, F_SETFD, FD_CLOEXEC)
        path = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        (self.master, self.slave) = (master, slave)
        var settings = termios()
        guard tcgetattr(slave, &settings) == 0 else { throw .system(path) }
        settings.c_lflag &= ~tcflag_t(ECHO | ICANON)
        settings.c_oflag &= ~tcflag_t(OPOST | ONLCR)
        settings.c_cflag |= tcflag_t(HUPCL)
        if let earlier { settings = earlier }
        guard tcsetattr(slave, TCSANOW, &settings) == 0 else { throw .system(path) }
    }

    /// As programs have set them; nil when they cannot be read.
    var settings: termios? {
        var settings = termios()
        return tcgetattr(slave, &settings) == 0 ? settings : nil
    }

    /// Who has the terminal open sees a hang-up.
    func close() {
        guard master >= 0 else { return }
        Glibc.close(slave)
        Glibc.close(master)
        (master, slave) = (-1, -1)
    }

    deinit { close() }
}
