# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Texts that stand twice, the README's length, and the form of reference pages."""
import os
import re

from . import entries

README_LINES = 150
# Characters of a sentence that may stand once only.
SENTENCE = 60
# Tells again what once was new.
WITHOUT = ("CHANGELOG.md",)


def plain(text):
    text = re.sub(r"\[((?:[^\[\]`]|`[^`]*`)*)\]\([^()\s]+\)", r"\1", text)
    return re.sub(r"\s+", " ", text).strip(" -*")


def check_twice(documents):
    first = {}
    for document in documents:
        if document.path in WITHOUT:
            continue
        for number, paragraph in document.paragraphs():
            for sentence in re.split(r"(?<=[.:;]) ", plain(paragraph)):
                if len(sentence) < SENTENCE:
                    continue
                if sentence in first:
                    yield document.path, number, f"stands in {first[sentence]}, too: {sentence[:60]}..."
                else:
                    first[sentence] = f"{document.path}:{number}"


def check_readme(documents):
    for document in documents:
        if document.path == "README.md" and (count := document.source.count("\n")) > README_LINES:
            yield document.path, README_LINES + 1, f"{count} lines, allowed are {README_LINES}"


def check_form(documents):
    for document in documents:
        if not document.path.startswith(entries.REFERENCE):
            continue
        name = os.path.basename(document.path)[:-len(".md")]
        title = f"# {name[:-2]}({name[-1]})"
        lines = [line for line in document.lines if line.kind != "blank"]
        if not re.fullmatch(r"[a-z0-9.-]+\.[157]", name):
            yield document.path, 1, "a page is named NAME.SECTION.md, with section 1, 5 or 7"
        elif not lines or lines[0].text != title:
            yield document.path, 1, f"the title has to be {title}"
        elif len(lines) < 2 or " - " not in lines[1].text:
            yield document.path, lines[0].number, "behind the title there has to be a line 'name - what it is'"


def check(documents):
    yield from check_twice(documents)
    yield from check_readme(documents)
    yield from check_form(documents)
