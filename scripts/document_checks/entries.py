# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""That each finding, cause, note, stop reason, exit status and TEE result that the program can name has an entry in its page, and no other has."""
import json
import subprocess

REFERENCE = "docs/reference/"
# Statuses that are a signal's, beside those with numbers of their own.
SIGNALS = {"129", "130", "143", "128+N"}


def listed(m4run, kind):
    """The entries of `m4run list KIND`."""
    return json.loads(subprocess.run([m4run, "list", kind, "--json"], check=True, capture_output=True, text=True).stdout)["entries"]


def findings(m4run):
    return {entry["name"] for entry in listed(m4run, "rules")}


def causes(m4run):
    return {entry["name"] for entry in listed(m4run, "causes")}


def stops(m4run):
    return {entry["name"] for entry in listed(m4run, "stops")}


def statuses(m4run):
    return {str(entry["status"]) for entry in listed(m4run, "exit-statuses")} | SIGNALS


def results(m4run):
    return {entry["name"] for entry in listed(m4run, "results")}


# Page -> what it has to have.
PAGES = {
    "m4run-findings.7": findings, "m4run-causes.7": causes, "m4run-stops.7": stops, "m4run-exit-status.7": statuses, "m4run-optee.7": results,
}


def check(documents, m4run):
    by_path = {document.path: document for document in documents}
    found = findings(m4run)
    for page, names in PAGES.items():
        path = f"{REFERENCE}{page}.md"
        if path not in by_path:
            yield path, 1, "the page is missing"
            continue
        document = by_path[path]
        wanted, has = names(m4run), {}
        for number, name in document.entries():
            if name in has:
                yield path, number, f"a second entry `{name}`"
            has[name] = number
        for name in sorted(wanted - set(has)):
            yield path, 1, f"no entry ### `{name}`, which the program can name"
        # A finding may be explained as a cause, too.
        left = set(has) - wanted - (found if page == "m4run-causes.7" else set())
        for name in sorted(left):
            yield path, has[name], f"entry `{name}`: the program names nothing so"
