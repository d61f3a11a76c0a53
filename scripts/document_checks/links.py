# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Links that lead nowhere, and pages and guides that nothing leads to."""
import os
import re
import urllib.parse

FOREIGN = re.compile(r"[a-z][a-z0-9+.-]*:")


def check(documents):
    by_path = {document.path: document for document in documents}
    reached = set()
    for document in documents:
        for number, link in document.links():
            if FOREIGN.match(link):
                continue
            path, _, anchor = link.partition("#")
            path = os.path.normpath(os.path.join(os.path.dirname(document.path), urllib.parse.unquote(path))) if path else document.path
            if path.startswith("..") or not os.path.exists(os.path.join(document.root, path)):
                yield document.path, number, f"link to {link}: there is no {path}"
                continue
            if path != document.path:
                reached.add(path)
            if anchor and path in by_path and anchor not in by_path[path].anchors:
                yield document.path, number, f"link to {link}: {path} has no heading of that name"
    for path in sorted(by_path):
        if path.startswith("docs/") and path not in reached:
            yield path, 1, "no document links to this"
