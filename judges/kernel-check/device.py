#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""What device.c does in the guest, beside the model: /dev/rpmsgN is a socket there, and /dev/rpmsg_ctrl0's ioctls are words of `m4run ctl`.

    device.py ROOT M4RUN <COMMANDS

Commands, a line each, with what came of it behind; addresses are numbers or `any`, H is a letter:
    create, channel, release NAME SOURCE DESTINATION    the control device's ioctls; bogus is one that it does not have
    open H rpmsgN, close H, destroy H                   without waiting; destroy is an ioctl
    write H WORD, fill H COUNT, read H COUNT            one message
    await H, poll H                                     input within five seconds, or now
    state WORD                                          to remoteproc0's state
"""
import os
import select
import socket
import subprocess
import sys
import time

root, m4run = sys.argv[1:]
handles, names = {}, {}


def control(*words):
    done = subprocess.run([m4run, "ctl", root, "rpmsg_ctrl0", *words], capture_output=True, text=True)
    # m4run: FILE: ERROR[: what was allowed]
    return "ok" if done.returncode == 0 else done.stderr.split(": ")[2].strip()


def connect(handle, name):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(f"{root}/dev/{name}")
    except ConnectionRefusedError:
        # Whoever has it open is the only one.
        return "Device or resource busy"
    except OSError as error:
        return os.strerror(error.errno)
    connection.setblocking(False)
    # Refused by the driver it is hung up on at once; a client that waits for its first message sees it.
    if select.select([connection], [], [], 0.3)[0]:
        try:
            if connection.recv(1, socket.MSG_PEEK) == b"":
                return "Invalid argument"
        except OSError as error:
            return os.strerror(error.errno)
    handles[handle], names[handle] = connection, name
    return "ok"


def write(handle, data):
    try:
        handles[handle].send(data)
    except OSError as error:
        return os.strerror(error.errno)
    return "ok"


def read(handle, count):
    try:
        data = handles[handle].recv(count)
    except OSError as error:
        return os.strerror(error.errno)
    if not data:
        return os.strerror(32)
    text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data[:40])
    return f"{len(data)} bytes '{text}'"


def found(handle, milliseconds):
    poll = select.poll()
    poll.register(handles[handle], select.POLLIN)
    events = poll.poll(milliseconds)
    if not events:
        return "nothing"
    return "error" if events[0][1] & (select.POLLHUP | select.POLLERR) else "input"


def state(word):
    try:
        with open(f"{root}/sys/class/remoteproc/remoteproc0/state", "w") as file:
            file.write(word)
    except OSError as error:
        return os.strerror(error.errno)
    return "ok"


def act(verb, *words):
    if verb in ("create", "channel"):
        return control({"create": "create-endpoint", "channel": "create-channel"}[verb], *words)
    if verb == "release":
        return control("release-channel", *words)
    if verb == "bogus":
        return control("bogus", "x", "1", "2")
    if verb == "open":
        return connect(*words)
    if verb == "write":
        return write(words[0], words[1].encode())
    if verb == "fill":
        return write(words[0], b"x" * int(words[1]))
    if verb == "read":
        return read(words[0], int(words[1]))
    if verb in ("await", "poll"):
        return found(words[0], 5000 if verb == "await" else 0)
    if verb == "destroy":
        return control("destroy-endpoint", names[words[0]])
    if verb == "close":
        handles.pop(words[0]).close()
        # The other side hears of it a moment later.
        time.sleep(0.1)
        return "ok"
    if verb == "state":
        return state(words[0])
    return "no such command"


for line in sys.stdin:
    line = line.rstrip("\n")
    print(f"{line}: {act(*line.split())}", flush=True)
