# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""That each finding, cause, stop reason, exit status and TEE result that the program can name has an entry in its page, and no other has."""
import os
import re

REFERENCE = "docs/reference/"


def texts(root, *paths):
    return "\n".join(open(os.path.join(root, path), encoding="utf-8").read() for path in paths)


def body(text, start):
    """What is between the braces behind a declaration."""
    begin = text.index("{", text.index(start))
    depth = 0
    for index in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return text[begin + 1:index]
    raise ValueError(f"no end of {start}")


def raw_values(enum):
    """Raw values of a Swift enum of strings."""
    for line in re.findall(r"^ *case (.*)$", re.sub(r"//.*", "", enum), re.M):
        for name, value in re.findall(r"(\w+)(?: = \"([^\"]*)\")?", line):
            yield value or name


def findings(root):
    kernel = body(texts(root, "Sources/RprocHost/Kernel/Finding+Sanitizer.swift"), "public var name: String")
    board = body(texts(root, "Sources/M4Board/Board/BoardFinding.swift"), "public var name: String")
    feature = re.search(r'static let name = "([^"]+)"', texts(root, "Sources/MP1Peripherals/Blocks/UnsupportedFeature.swift"))[1]
    return set(re.findall(r': "([a-z-]+)"', kernel)) | set(re.findall(r': "([a-z-]+)"', board)) | {feature}


# Ranks of findings, which have their own names.
NO_CAUSES = {"explainingFinding", "finding"}


def causes(root):
    doctor = set(raw_values(body(texts(root, "Sources/VirtualMP1/Doctor/DoctorCause.swift"), "enum DoctorCause")))
    linux = set(re.findall(r'problem\(\s*"([a-z-]+)"', texts(root, "Sources/m4run/Linux/LinuxDoctor.swift")))
    return doctor - NO_CAUSES | linux


def stops(root):
    return set(raw_values(body(texts(root, "Sources/M4Board/Core/StopReason.swift"), "public enum Name")))


def statuses(root):
    text = texts(root, "Sources/m4run/Console/ExitStatus.swift")
    return set(re.findall(r"ExitStatus\(rawValue: (\d+)\)", text)) | {"129", "130", "143", "128+N"}


def results(root):
    names = set(re.findall(r'"(TEE_ERROR_[A-Z_]+)"', texts(root, "Sources/SecureLoader/TEE/TEEResult.swift")))
    return names


# Page -> what it has to have.
PAGES = {
    "m4run-findings.7": findings, "m4run-causes.7": causes, "m4run-stops.7": stops, "m4run-exit-status.7": statuses, "m4run-optee.7": results,
}


def check(documents):
    by_path = {document.path: document for document in documents}
    found = findings(documents[0].root)
    for page, names in PAGES.items():
        path = f"{REFERENCE}{page}.md"
        if path not in by_path:
            yield path, 1, "the page is missing"
            continue
        document = by_path[path]
        wanted, has = names(document.root), {}
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
