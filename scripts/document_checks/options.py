# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Options: each of a command's is described on its page, and each that a document mentions exists, of the command that it is said of."""
import json
import os
import re
import shlex
import subprocess

from . import entries, markdown

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9_-]*")
SHORT = re.compile(r"(?<![\w-])-[a-z]\b(?!-)")
ENDS = {"|", "||", "&&", ";", "&", ">", ">>", "2>", "<"}
# Of other programs, as newlib's.
FOREIGN = {"--specs"}
# Pages that speak of another command's options beside their own.
BESIDE = {"ctl": "run"}
# OP-TEE's.
FOREIGN_SCRIPTS = {"sign_rproc_fw.py"}
# Tells of the past.
WITHOUT = ("CHANGELOG.md",)


class Command:
    def __init__(self, description):
        self.visible, self.all = {}, set()
        for argument in description.get("arguments", []):
            names = [("-" if name["kind"] == "short" else "--") + name["name"] for name in argument.get("names", [])]
            self.all.update(names)
            if names and argument.get("shouldDisplay", True):
                self.visible[names[0]] = names


def commands(m4run):
    """By name; "" is m4run itself."""
    help = json.loads(subprocess.run([m4run, "--experimental-dump-help"], check=True, capture_output=True, text=True).stdout)["command"]
    known = {"": Command(help)}
    # The parser takes it, and describes it nowhere.
    known[""].all.add("--generate-completion-script")
    for one in help["subcommands"]:
        # The parser lists its own help behind ours.
        known.setdefault(one["commandName"], Command(one))
    return known


def page_of(name):
    return f"{entries.REFERENCE}m4run{'-' + name if name else ''}.1.md"


def described(document):
    """Options in the first cell of a table's row."""
    for line in document.lines:
        if line.kind == "table":
            for span in markdown.SPAN.finditer(markdown.cells(line.text)[0]):
                yield from OPTION.findall(span[2]) + SHORT.findall(span[2])


def general(by_path, known):
    """Options that m4run.1.md describes for all commands: it has them itself no more than the command has."""
    page = by_path.get(page_of(""))
    return set(described(page)) - known[""].all if page else set()


def check_pages(by_path, known):
    everywhere = general(by_path, known)
    for name, command in known.items():
        path = page_of(name)
        if path not in by_path:
            yield path, 1, f"m4run {name} has no page"
            continue
        document = by_path[path]
        tables = set(described(document))
        for names in command.visible.values():
            for option in set(names) - tables - everywhere:
                # Another spelling of an option may stand in the text of its row.
                if option not in document.source or not tables & set(names):
                    yield path, 1, f"{option} of m4run {name} is in no table's first column"
        for option in sorted(command.all - {option for names in command.visible.values() for option in names}):
            if option not in document.source:
                yield path, 1, f"{option} of m4run {name}, which is not in its help, is not mentioned"


def words(text):
    try:
        return shlex.split(text.replace("...", " "), comments=True)
    except ValueError:
        return text.split()


def calls(text):
    """The calls of m4run in a line of shell: (command, its options)."""
    split = words(text)
    for index, word in enumerate(split):
        begins = index == 0 or split[index - 1] in ENDS | {"$", "!", "if", "run:"} or split[index - 1].endswith(";")
        if begins and (word == "m4run" or word.endswith("/m4run")):
            rest = []
            for argument in split[index + 1:]:
                if argument in ENDS or argument == "--":
                    break
                rest.append(argument)
                if argument.endswith((";", "&")):
                    break
            command = rest[0] if rest and re.fullmatch(r"[a-z]+;?", rest[0]) else ""
            yield command.rstrip(";"), [option for argument in rest for option in OPTION.findall(argument.strip("[]"))[:1] if argument.strip("[]").startswith("--")]


def check_mentions(document, known):
    everywhere = set().union(*(command.all for command in known.values()))
    own = next((name for name in known if document.path == page_of(name)), None)
    allowed = known[own].all | (known[BESIDE[own]].all if own in BESIDE else set()) if own else everywhere

    def judge(number, text):
        for command, options in calls(text):
            if command not in known and command.isalpha() and command.islower():
                yield document.path, number, f"m4run {command}: there is no such command"
                continue
            for option in options:
                if option not in (known[command].all if command in known else everywhere):
                    yield document.path, number, f"{option}: m4run {command} has no such option"

    for line in document.lines:
        if line.kind == "code" and line.language in (None, "sh", "yaml", "example") and (line.language != "example" or line.text.startswith("$ ")):
            yield from judge(line.number, line.text)
            yield from scripts(document, line.number, line.text)
    for number, span in document.spans():
        if span.startswith("--"):
            option = OPTION.match(span)
            if option and option[0] not in allowed | FOREIGN:
                yield document.path, number, f"{option[0]}: " + (f"m4run {own} has no such option" if own else "no command of m4run's has this option")
        else:
            yield from judge(number, span)
            yield from scripts(document, number, span)


def scripts(document, number, text):
    for match in re.finditer(r"(?<![\w/.-])(?:\./)?scripts/([\w.-]+\w)((?: [^\s|;&<>]+)*)", text):
        if match[1] in FOREIGN_SCRIPTS:
            continue
        path = os.path.join(document.root, "scripts", match[1])
        if not os.path.isfile(path):
            yield document.path, number, f"scripts/{match[1]}: there is no such script"
            continue
        with open(path, encoding="utf-8") as file:
            source = file.read()
        for option in OPTION.findall(match[2]):
            if option not in source:
                yield document.path, number, f"{option}: scripts/{match[1]} has no such option"


def check(documents, m4run):
    known = commands(m4run)
    by_path = {document.path: document for document in documents}
    yield from check_pages(by_path, known)
    for document in documents:
        if document.path not in WITHOUT:
            yield from check_mentions(document, known)
