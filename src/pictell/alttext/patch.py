"""Edits of a page as a unified diff, which `patch -p0` and `git apply -p0` apply.

`difflib` compares texts, in time that grows with the square of their length, and leaves out the mark of a last line without
its end; here it is known what changes.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

CONTEXT = 3
"""Lines shown around a change."""

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_NO_END = b"\n\\ No newline at end of file\n"


def unified_diff(name: str, old: bytes, changes: Sequence[tuple[int, int, bytes]]) -> bytes:
    """The diff of a file `name` whose bytes `start` to `end` become others, for each change; these are in order and apart.

    Empty where nothing changes. Line ends and encoding are those of the file.
    """
    lines = _LINE.findall(old)
    hunks: list[list[tuple[int, int, list[bytes]]]] = []
    for first, last, new in _by_lines(lines, old, changes):
        if hunks and first - hunks[-1][-1][1] <= 2 * CONTEXT:
            hunks[-1].append((first, last, new))
        else:
            hunks.append([(first, last, new)])
    parts: list[bytes] = []
    shift = 0
    for hunk in hunks:
        begin, end = max(0, hunk[0][0] - CONTEXT), min(len(lines), hunk[-1][1] + CONTEXT)
        body: list[bytes] = []
        at = begin
        added = 0
        for first, last, new in hunk:
            body += [b" " + line for line in lines[at:first]]
            body += [b"-" + line for line in lines[first:last]]
            body += [b"+" + line for line in new]
            added += len(new) - (last - first)
            at = last
        body += [b" " + line for line in lines[at:end]]
        parts.append(b"@@ -%d,%d +%d,%d @@\n" % (begin + 1, end - begin, begin + 1 + shift, end - begin + added))
        parts += [line if line.endswith(b"\n") else line + _NO_END for line in body]
        shift += added
    quoted = _quoted(name)
    return b"".join([b"--- ", quoted, b"\n+++ ", quoted, b"\n", *parts]) if parts else b""


def _by_lines(
    lines: list[bytes], old: bytes, changes: Sequence[tuple[int, int, bytes]]
) -> Iterator[tuple[int, int, list[bytes]]]:
    """The changes as lines: those from `first` up to `last` become others. Changes that share a line come together."""
    begins = [0, *accumulate(map(len, lines))]

    def line_of(offset: int) -> int:
        return min(bisect_right(begins, offset), len(lines)) - 1

    first = last = at = 0  # the bytes before `at` are dealt with
    new: bytes | None = None
    for start, end, instead in changes:
        line = line_of(start)
        if new is not None and line >= last:
            yield first, last, _LINE.findall(new + old[at : begins[last]])
            new = None
        if new is None:
            new, first, at = b"", line, begins[line]
        new += old[at:start] + instead
        # Where the end of a line goes, the next one comes up to it.
        at, last = end, line_of(end) + 1
    if new is not None:
        yield first, last, _LINE.findall(new + old[at : begins[last]])


def _quoted(name: str) -> bytes:
    """A file's name as GNU patch and git read it: in quotes where a character needs it, ended by a tab where there are blanks."""
    data = os.fsencode(name)
    if re.search(rb'[\x00-\x1f\x7f"\\]', data):
        return b'"' + re.sub(rb'[\x00-\x1f\x7f-\xff"\\]', lambda found: b"\\%03o" % found[0][0], data) + b'"'
    return data + b"\t" if b" " in data else data
