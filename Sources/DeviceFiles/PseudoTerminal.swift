import Glibc

/// A pseudo-terminal, seen from the side that plays the device.
///
/// A descriptor of the terminal's own side is held, too: programs may come and go, and the device's side neither fails with EIO
/// nor forgets the line's settings in between, as a serial port does not.
final class PseudoTerminal {
    /// The device's side.
    let master: Int32
    private let slave: Int32
    /// `/dev/pts/3`
    let path: String

    /// Settings as `rpmsg_tty` has them: the usual ones without ECHO, ICANON, OPOST and ONLCR.
    init() throws(DeviceFilesError) {
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
        guard tcsetattr(slave, TCSANOW, &settings) == 0 else { throw .system(path) }
    }

    /// Who has the terminal open sees a hang-up.
    deinit {
        Glibc.close(slave)
        Glibc.close(master)
    }
}
