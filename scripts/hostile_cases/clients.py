# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Clients of a served folder that mean harm. Each is planned from a seed, and then acts on the folder of a run for a moment.

A plan is a function of the folder and of `goes_on`, which tells whether there is time left; nothing in it waits for longer than that."""

import contextlib
import errno
import fcntl
import os
import pathlib
import socket
import struct
import termios
import time

from .case import STEERING

REMOTEPROC = ["state", "firmware", "name", "recovery", "coredump", "trace0", "resource_table", "carveout_memories", "crash", "rpmsg_ctrl0", "ttyRPMSG0", "ttyRPMSG1"]
PATHS = [
    "", "/", ".", "..", "../../etc/passwd", "sys", "sys/", "class", "class/remoteproc/remoteproc0/state", "/sys/class/remoteproc/remoteproc0/state",
    "class//remoteproc", "dev/ttyRPMSG99999999999999999999", "ttyRPMSG-1", "ttyRPMSG9223372036854775807", "rpmsg0", "A" * 4000, "a/" * 2000,
    "bus/rpmsg/devices", "class/devcoredump/disabled", "class/devcoredump/devcd0/data",
]
ADDRESSES = ["any", "0", "-1", "0x400", "1024", "1025", "53", "0x35", "4294967295", "4294967296", "99999999999999999999", "0x", "", "-2"]
WORDS = [b"start", b"stop", b"detach", b"recover", b"enabled", b"disabled", b"inline", b"default", b"", b"\n", b"1", b"2", b"fatal", b"hello", b"other.elf"]
IGNORED = (OSError, BlockingIOError)


@contextlib.contextmanager
def connected(path, kind=socket.SOCK_STREAM, patience=0.1):
    with socket.socket(socket.AF_UNIX, kind) as client:
        client.settimeout(patience)
        client.connect(str(path))
        yield client


def request(random):
    """One for the control socket that is right, nearly right, or garbage."""
    kind = random.random()
    if kind < 0.1:
        return random.randbytes(random.choice([1, 100, 4096]))
    if kind < 0.25:
        return b"read " + random.choice(PATHS + REMOTEPROC).encode() + random.choice([b"", b"\n", b"\nmore"])
    if kind < 0.35:
        return random.choice([b"write", b"write ", b"write state", b"read", b"read ", b"\n\n\n", b" ", b"ioctl rpmsg_ctrl0\n", b"READ state", b"write  state\nstop"])
    if kind < 0.65:
        number = random.choice(["rpmsg0", "rpmsg1", "rpmsg-1", "rpmsg99999999999999999999"])
        name = random.choice(["mine", "rpmsg-raw", "rpmsg-tty", "rpmsg-client-sample", "N" * 31, "N" * 32, "N" * 4000, "\u202e", "a\x1b[31mb"])
        line = random.choice([
            "create-endpoint %s %s %s", "create-endpoint %s %s %s", "create-channel %s %s %s", "release-channel %s %s %s"]) % (
                name, random.choice(ADDRESSES), random.choice(ADDRESSES))
        return b"write rpmsg_ctrl0\n" + random.choice([line, line, "destroy-endpoint " + number]).encode()
    if kind < 0.7:
        # As long as a request may be, and longer.
        return b"write " + random.choice(REMOTEPROC).encode() + b"\n" + b"w" * random.choice([4095, 65536, 70_000, 1 << 20, 1 << 23])
    return b"write " + random.choice(REMOTEPROC + PATHS).encode() + b"\n" + random.choice(WORDS + STEERING + [random.randbytes(600)]) + random.choice([b"", b"\n"])


def requests(random):
    """Requests one after another, some cut off, some without anybody who reads the answer."""
    plan = [(request(random), random.choice(["whole", "whole", "whole", "half", "unread", "reset"])) for _ in range(random.choice([1, 5, 30]))]

    def act(folder, goes_on):
        for text, how in plan:
            if not goes_on():
                return
            with contextlib.suppress(*IGNORED), connected(folder / "control") as client:
                if how == "reset":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(text[:len(text) // 2] if how == "half" else text)
                if how in ("whole", "unread"):
                    client.shutdown(socket.SHUT_WR)
                while how == "whole" and client.recv(1 << 16):
                    pass
    return act


def flood(random):
    """As many connections as there may be, held or dropped, each with a little, nothing, or without an end."""
    count, text = random.choice([10, 64, 200, 400]), random.choice([b"", b"read sta", b"read state", b"x" * 3000])
    held, ends = random.random() < 0.7, random.random() < 0.3

    def act(folder, goes_on):
        with contextlib.ExitStack() as stack:
            for _ in range(count):
                if not goes_on():
                    return
                with contextlib.suppress(*IGNORED):
                    client = socket.socket(socket.AF_UNIX)
                    stack.callback(client.close)
                    client.setblocking(False)
                    client.connect(str(folder / "control"))
                    client.send(text)
                    if ends:
                        client.shutdown(socket.SHUT_WR)
                    if not held:
                        client.close()
            # Held until the signal has come.
            while held and goes_on():
                time.sleep(0.02)
    return act


def packets(random):
    """A raw device's socket: packets of any size, nobody who reads, clients that come and go."""
    plan = [random.choice([0, 1, 16, 495, 496, 497, 4096, 60_000]) for _ in range(random.choice([1, 50, 2000]))]
    reads, rounds = random.random() < 0.3, random.choice([1, 1, 20])
    create = [b"write rpmsg_ctrl0\ncreate-endpoint e%d any %s" % (number, random.choice([b"0x400", b"0x401", b"any"])) for number in range(random.choice([1, 1, 300]))]

    def act(folder, goes_on):
        for text in create:
            with contextlib.suppress(*IGNORED), connected(folder / "control") as client:
                client.sendall(text)
                client.shutdown(socket.SHUT_WR)
                client.recv(100)
            if not goes_on():
                return
        for path in sorted(folder.glob("dev/rpmsg[0-9]*"))[:20]:
            for _ in range(rounds):
                with contextlib.suppress(*IGNORED), connected(path, socket.SOCK_SEQPACKET, 0.02) as client:
                    for size in plan:
                        if not goes_on():
                            return
                        client.send(bytes(size))
                        if reads:
                            client.recv(1024)
    return act


def terminals(random):
    """The ttys: bytes without end, settings that nobody has, openers that come and go."""
    data = random.choice([b"hello\n" * 500, random.randbytes(4000), bytes(4000), b"\x03\x04\x11\x13\x1a\x1c\x16" * 100, b"\n" * 4000, b"x" * 4096])
    rounds, reads = random.choice([1, 20, 200]), random.random() < 0.4
    settings = [random.getrandbits(32) for _ in range(3)] if random.random() < 0.5 else None
    calls = random.sample([(termios.TCFLSH, termios.TCIOFLUSH), (termios.TCXONC, termios.TCOOFF), (termios.TCXONC, termios.TCION), (termios.TIOCEXCL, 0),
                           (termios.TIOCSTI, b"x"), (termios.TIOCSWINSZ, b"\xff" * 8), (termios.TCSBRK, 0), (termios.TIOCCONS, 0)], random.randrange(4))

    def act(folder, goes_on):
        paths = ttys(folder)
        for _ in range(rounds):
            for path in paths:
                if not goes_on():
                    return
                with contextlib.suppress(*IGNORED):
                    _terminal(path, goes_on)
        if rounds == 1:
            while goes_on():
                time.sleep(0.02)

    def _terminal(path, goes_on):
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            if settings:
                with contextlib.suppress(termios.error):
                    now = termios.tcgetattr(descriptor)
                    termios.tcsetattr(descriptor, termios.TCSANOW, [flags & 0xFFFF for flags in settings] + now[3:])
            for number, argument in calls:
                with contextlib.suppress(*IGNORED):
                    fcntl.ioctl(descriptor, number, argument)
            end = time.monotonic() + 0.05
            while goes_on() and time.monotonic() < end:
                try:
                    os.write(descriptor, data)
                    if reads:
                        os.read(descriptor, 1000)
                except BlockingIOError:
                    time.sleep(0.001)
        finally:
            os.close(descriptor)
    return act


def files(random):
    """What `sys` has: each file read and written at places and in sizes that nobody needs, and all that a folder can be asked for."""
    texts = [random.choice(WORDS + STEERING + [b"w" * 70_000, random.randbytes(600)]) for _ in range(8)]
    places, sizes = [random.choice([0, 1, 4095, 1 << 31, (1 << 63) - 1]) for _ in range(4)], [random.choice([0, 1, 4096, 1 << 20]) for _ in range(4)]
    holds = random.random() < 0.5
    order = random.random()

    def act(folder, goes_on):
        held = []
        try:
            found = sorted(pathlib.Path(top) / name for top, _, names in os.walk(folder / "sys") for name in names)
            # From another file on each time; the same for the same seed.
            first = int(order * len(found))
            for number, path in enumerate(found[first:] + found[:first]):
                for mode in (os.O_RDONLY, os.O_WRONLY | os.O_TRUNC, os.O_RDWR | os.O_APPEND):
                    if not goes_on():
                        return
                    with contextlib.suppress(*IGNORED):
                        held.append(os.open(path, mode | os.O_NONBLOCK))
                        with contextlib.suppress(*IGNORED):
                            os.pread(held[-1], sizes[number % 4], places[number % 4])
                        with contextlib.suppress(*IGNORED):
                            os.pwrite(held[-1], texts[number % 8], places[(number + 1) % 4] if number % 3 else 0)
                        if not holds:
                            os.close(held.pop())
                for ask in (os.unlink, os.rmdir, lambda p: os.chmod(p, 0), lambda p: os.truncate(p, 1 << 40), lambda p: os.mkdir(str(p) + "x"),
                            lambda p: os.rename(p, str(p) + "y"), lambda p: os.symlink("x", str(p) + "z"), lambda p: os.setxattr(p, "user.x", b"y" * 1000),
                            os.listxattr, os.statvfs, lambda p: os.utime(p, (0, 0)), lambda p: os.mknod(str(p) + "n")):
                    with contextlib.suppress(*IGNORED):
                        ask(path)
            while holds and goes_on():
                time.sleep(0.02)
        finally:
            for descriptor in held:
                with contextlib.suppress(*IGNORED):
                    os.close(descriptor)
    return act


def vandals(random):
    """Hands in the folder itself: names that go, firmware that is none. What they put there they take away again."""
    plan = random.sample(["unlink", "record", "socket", "closed", "firmware", "renamed", "stranger"], random.choice([1, 2, 3]))
    garbage = random.choice([b"", b"\x7fELF" + random.randbytes(200), random.randbytes(3000)])

    def act(folder, goes_on):
        for what in plan:
            with contextlib.suppress(*IGNORED):
                if what == "unlink":
                    for path in folder.glob("dev/*"):
                        path.unlink()
                elif what == "record":
                    for path in folder.glob("**/.m4run"):
                        path.unlink()
                elif what == "socket":
                    (folder / "control").unlink()
                elif what == "closed":
                    mode = folder.stat().st_mode
                    folder.chmod(0)
                    time.sleep(0.05)
                    folder.chmod(mode & 0o7777)
                elif what == "renamed":
                    other = folder.with_name(folder.name + ".away")
                    folder.rename(other)
                    time.sleep(0.05)
                    other.rename(folder)
                elif what == "stranger":
                    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client, contextlib.suppress(*IGNORED):
                        client.connect(str(folder / "control"))
                elif what == "firmware":
                    place = folder / "lib/firmware/other.elf"
                    place.write_bytes(garbage)
                    for text in (b"write state\nstop", b"write firmware\nother.elf", b"write state\nstart", b"read state"):
                        with contextlib.suppress(*IGNORED), connected(folder / "control") as client:
                            client.sendall(text)
                            client.shutdown(socket.SHUT_WR)
                            client.recv(4096)
                    place.unlink()
            if not goes_on():
                return
    # Whether it may be at that when the run ends, which then leaves what is not its own.
    act.puts = "firmware" in plan
    return act


def ttys(folder):
    """The firmware's, of either kind of folder."""
    return sorted([*folder.glob("ttyRPMSG*"), *folder.glob("dev/ttyRPMSG*")])


def reachable(folder):
    """Whether a run has come as far as to listen."""
    try:
        with connected(folder / "control"):
            return True
    except OSError as error:
        return error.errno == errno.EAGAIN
