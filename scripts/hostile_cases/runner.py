# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Runs a case: its files, its streams, its clients, and the memory that it may have."""

import os
import signal
import subprocess
import threading
import time

from .checks import KEPT, Result

# Beyond its limit a case is given so many seconds before it is ended by force.
HANGS = 10.0
# Bytes of address space. A run has 305 MiB, most of it the engine's reservations, and 530 with all of --ddr: what asks for more than this
# has run away, and fails by itself instead of taking the machine's memory.
MEMORY = 1 << 30


class Streams:
    """The command's three streams as a case wants them; what is read is kept up to a limit."""

    def __init__(self, case):
        self.text = {"stdout": bytearray(), "stderr": bytearray()}
        self.descriptors, self.threads, self.ends = [], [], {}
        for name in ("stdout", "stderr"):
            ours, theirs = os.pipe()
            self.ends[name] = theirs
            how = getattr(case, name)
            if how == "closed":
                os.close(ours)
                continue
            self.descriptors.append(ours)
            if how != "unread":
                self._thread(self._read, ours, name, 100 if how == "head" else None)
        if case.stdin == "nothing":
            self.ends["stdin"] = os.open("/dev/null", os.O_RDONLY)
        elif case.stdin == "endless":
            self.ends["stdin"] = os.open("/dev/zero", os.O_RDONLY)
        else:
            theirs, ours = os.pipe()
            self.ends["stdin"] = theirs
            self.descriptors.append(ours)
            if case.stdin != "silent":
                self._thread(self._write, ours, case.stdin)

    def _thread(self, body, *arguments):
        self.threads.append(threading.Thread(target=body, args=arguments, daemon=True))

    def start(self):
        """Once the command has its ends."""
        for end in self.ends.values():
            os.close(end)
        for thread in self.threads:
            thread.start()

    def _read(self, descriptor, name, limit):
        kept = self.text[name]
        while data := os.read(descriptor, 1 << 16):
            kept += data[:max(0, KEPT - len(kept))]
            if limit and len(kept) >= limit:
                self.descriptors.remove(descriptor)
                os.close(descriptor)
                return

    def _write(self, descriptor, data):
        try:
            while data:
                data = data[os.write(descriptor, data):]
        except OSError:
            pass
        self.descriptors.remove(descriptor)
        os.close(descriptor)

    def finish(self):
        for thread in self.threads:
            thread.join(1)
        for descriptor in list(self.descriptors):
            os.close(descriptor)


class Clients:
    """What a case does to its command from outside, and the signal that follows."""

    def __init__(self, case, process, folder):
        self.signalled = None
        self._case, self._process, self._folder = case, process, folder
        self._thread = threading.Thread(target=self._act, daemon=True)
        self._thread.start()

    def _act(self):
        try:
            self._case.clients(self._folder, lambda: self._process.poll() is None)
        finally:
            if self._process.poll() is None:
                self.signalled = time.monotonic()
                self._process.send_signal(signal.SIGTERM)

    def finish(self):
        """A client inside a file system that is no more comes back by itself."""
        self._thread.join(5)


def run(case, folder, m4run):
    """Runs the case in `folder`, which is empty, and says what came of it."""
    for name, data in case.files.items():
        (folder / name).write_bytes(data)
    for name in case.fifos:
        os.mkfifo(folder / name)
    streams = Streams(case)
    # A shell sets the limit: between fork and exec nothing of Python's is safe beside other threads.
    argv = ["/bin/sh", "-c", 'ulimit -v %d; exec "$@"' % (MEMORY >> 10), "sh", case.program or m4run] + case.argv
    began = time.monotonic()
    process = subprocess.Popen(
        [os.fsencode(word) for word in argv], cwd=folder, stdin=streams.ends["stdin"], stdout=streams.ends["stdout"], stderr=streams.ends["stderr"],
        start_new_session=True)
    streams.start()
    clients = Clients(case, process, folder) if case.clients else None
    try:
        status = process.wait(case.limit + HANGS)
    except subprocess.TimeoutExpired:
        status = None
    ended = time.monotonic()
    left = False
    try:
        # Its session is its own: whoever is left in it was started by it.
        os.killpg(process.pid, signal.SIGKILL if status is None else 0)
        left = status is not None
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    streams.finish()
    if clients:
        clients.finish()
    ending = ended - clients.signalled if clients and clients.signalled else None
    return Result(status, ended - began, bytes(streams.text["stdout"]), bytes(streams.text["stderr"]), left, ending)
