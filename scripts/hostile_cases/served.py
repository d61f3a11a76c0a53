# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Runs that serve a folder, and what comes at them from it: see clients.py. Each is ended by SIGTERM, and must leave the folder empty."""

import threading
import time

from . import clients, guests
from .case import Case

ACTS = [clients.requests, clients.requests, clients.flood, clients.packets, clients.terminals, clients.files, clients.vandals]
# Seconds for the clients; the run has this and its end.
VISIT = 0.5
TIMEOUT = 4.0


def visit(acts, place, awaited):
    """All acts at the same time, once the run is there, and with `awaited` once the firmware's devices are, too."""
    def come(folder, runs):
        folder = folder / place
        begin = time.monotonic()
        while runs() and time.monotonic() < begin + 2 and not (clients.reachable(folder) or clients.ttys(folder)):
            time.sleep(0.005)
        begin = time.monotonic()
        while awaited and runs() and time.monotonic() < begin + 0.2 and len(clients.ttys(folder)) < 2:
            time.sleep(0.005)
        end = time.monotonic() + VISIT
        threads = [threading.Thread(target=act, args=(folder, lambda: runs() and time.monotonic() < end), daemon=True) for act in acts]
        # Whoever holds something holds it beyond the signal: it does not wait for them.
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, end - 0.05 - time.monotonic()))
    return come


def make(random, tools):
    files = {"firmware.elf": dict(tools.samples)["tty-echo"]}
    argv = ["run", "firmware.elf", "--boot", "elf", "--timeout", "%dms" % (1000 * TIMEOUT)]
    statuses, ending, place = (0,), 0.5, "board"
    kind = random.random()
    acts = [random.choice(ACTS)(random) for _ in range(random.choice([1, 1, 2, 3]))]
    if kind < 0.1:
        # Firmware that takes no part: Linux's wait for its shutdown is of wall time, five seconds long.
        files["firmware.elf"] = random.choice([guests.stores, guests.code, guests.semihosting])(random)
        statuses, ending = None, 5.5
    if kind < 0.2:
        argv += ["--devices", place]
        acts = [clients.terminals(random)]
    else:
        argv += ["--control", place] + random.choice([["--no-fuse"], [], []]) + random.choice([[], [], [], ["--offline"], ["--recover", "3"]])
        # A crash may be asked for, and ends a run that does not recover.
        statuses = statuses and (0, 3)
    theirs = {"lib", "lib/firmware", "lib/firmware/other.elf"} if any(getattr(act, "puts", False) for act in acts) else set()
    return Case(
        argv, files, TIMEOUT + ending, makes=[place], empties={place: theirs}, statuses=statuses, ending=ending, answers=statuses is not None,
        clients=visit(acts, place, random.random() < 0.8))
