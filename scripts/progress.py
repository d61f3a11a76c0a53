# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""How far long work is: one line on a terminal's stderr, rewritten ten times a second at most and gone at the end. Elsewhere nothing."""

import os
import sys
import time


class Progress:
    """Counts `total` things; 0 where nobody knows how many there are."""

    def __init__(self, what, total=0, stream=sys.stderr):
        self.what, self.total, self.stream = what, total, stream
        self.is_shown = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.count, self.began, self.shown = 0, time.monotonic(), 0.0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()

    def step(self):
        self.count += 1
        now = time.monotonic()
        if self.is_shown and now - self.shown >= 0.1:
            self.shown = now
            self.stream.write("\r\x1b[K" + self.line(now - self.began))
            self.stream.flush()

    def line(self, seconds):
        """`hostile: 120 of 300 cases, 14.2/s, 13 s left`, within 79 columns."""
        rate = self.count / seconds if seconds > 0 else 0
        text = "%s: %d%s, %.1f/s" % (self.what, self.count, " of %d" % self.total if self.total else "", rate)
        if self.total and rate:
            text += ", %.0f s left" % ((self.total - self.count) / rate)
        return text[:79]

    def clear(self):
        """Before something else is written to the terminal, and at the end."""
        if self.is_shown and self.shown:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
