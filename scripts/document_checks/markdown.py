# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Markdown as far as the checks need it: lines with what they are, headings with their anchors, code spans, table cells, links."""
import os
import re

COMMENT = re.compile(r"<!--.*?-->", re.S)
SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
LINK = re.compile(r"\[(?:[^\[\]`]|`[^`]*`)*\]\(([^()\s]+)\)")
HEADING = re.compile(r"(#{1,6}) +(.*?) *#*$")


class Line:
    """number: from 1. kind: text, heading, table, code (fenced or indented) or blank. text: without comments."""
    def __init__(self, number, kind, text, language=None):
        self.number, self.kind, self.text, self.language = number, kind, text, language


class Document:
    """path: below the root, for messages and for relative links."""
    def __init__(self, root, path):
        self.root, self.path = root, path
        with open(os.path.join(root, path), encoding="utf-8") as file:
            self.source = file.read()
        self.lines = list(self._lines())
        self.anchors = set(self._anchors())

    def _lines(self):
        # Comments keep their newlines, so that numbers stay.
        text = COMMENT.sub(lambda match: "\n" * match[0].count("\n"), self.source)
        language, before_code = None, True
        for number, line in enumerate(text.split("\n"), 1):
            if line.lstrip().startswith("```"):
                language = (line.strip()[3:] or "example") if language is None else None
                before_code = True
                continue
            if language is not None:
                yield Line(number, "code", line, language)
                continue
            kind = ("blank" if not line.strip() else "heading" if HEADING.match(line) else "table" if line.startswith("|")
                    else "code" if line.startswith("    ") and before_code else "text")
            before_code = kind in ("blank", "heading", "code")
            yield Line(number, kind, line)

    def _anchors(self):
        """As GitHub makes them: lower case, without punctuation, blanks to dashes; a repeated one is numbered."""
        seen = {}
        for line in self.lines:
            if line.kind != "heading":
                continue
            title = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", HEADING.match(line.text)[2])
            anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            count = seen.get(anchor, 0)
            seen[anchor] = count + 1
            yield anchor if not count else f"{anchor}-{count}"

    def links(self):
        for line in self.lines:
            if line.kind not in ("code", "blank"):
                for match in LINK.finditer(SPAN.sub(lambda span: "`" + "x" * len(span[2]) + "`", line.text)):
                    yield line.number, line.text[match.start(1):match.end(1)]

    def spans(self):
        """Code spans of text, headings and tables; one that a line break divides is whole. (line number, content)"""
        paragraph, first = [], 0
        for line in self.lines + [Line(0, "blank", "")]:
            if line.kind == "text":
                first = first if paragraph else line.number
                paragraph.append(line.text)
                continue
            if paragraph:
                text = "\n".join(paragraph)
                for match in SPAN.finditer(text.replace("\n", " ")):
                    yield first + text.count("\n", 0, match.start()), match[2]
                paragraph = []
            if line.kind in ("heading", "table"):
                for match in SPAN.finditer(line.text):
                    yield line.number, match[2]

    def entries(self):
        """Names that have a heading of the third level, as `name`: (line number, name)."""
        for line in self.lines:
            if line.kind == "heading" and line.text.startswith("### "):
                for match in SPAN.finditer(line.text):
                    yield line.number, match[2]

    def paragraphs(self):
        """Paragraphs, list items and table cells as one line each: (line number, text)."""
        parts, first = [], 0
        for line in self.lines + [Line(0, "blank", "")]:
            starts = line.kind != "text" or line.text.lstrip().startswith(("- ", "* "))
            if parts and starts:
                yield first, " ".join(parts)
                parts = []
            if line.kind == "text":
                first = first if parts else line.number
                parts.append(line.text.strip())
            elif line.kind == "table":
                for cell in cells(line.text):
                    yield line.number, cell


def cells(row):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def find(root):
    """All documents below the root: not in hidden folders, and not behind links."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(".md"):
                yield Document(root, os.path.relpath(os.path.join(folder, name), root))
