"""The alignment of a candidate with a reference: which of the possible matches are taken, so that no word is in two.

As published (Denkowski and Lavie 2011, section 2; 2014, section 2): as many words as possible are covered, by as few
chunks as possible (a chunk is a run of matches that follow each other without a gap in both sentences), with the smallest
sum of distances between the matches' places in the two sentences, found by a beam search. What the description leaves open,
or the program does in another way, was learned by watching it:

- A match that shares no word with any other possible match is always taken.
- The search goes through the reference from left to right. At each word every partial alignment is continued by each of
  the matches that begin there and are still free, in the order of the matchers, and by none. The 40 best are kept.
- Coverage counts two for an equal word, and for a match of other phrases the whole part of half the words of each of them;
  two single words that only resemble each other count for nothing, and are taken only where that costs nothing.
- A chunk counts from the moment in which it ends, so that a partial alignment is not charged for the one it is in.
- The distance of a match burdens not those who take it but those who come after it in the list of the choices at its word,
  none among them.
- Of equally good ones that stays first which was first before; choices of one are in the order of the list.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any

BEAM = 40

Match = tuple[int, int, int, int, int]
"""First word and number of words in the reference, the same in the candidate, and the matcher's number (exact is 0)."""

_Partial = tuple[int, int, int, int, int, int, int, Any]
"""Matches chosen for the beginning of a reference, so that the smaller tuple is the better one.

Minus the coverage; closed chunks; distance; its place among its like (no two are equal); where its open chunk ends in the
reference and in the candidate, both -1 where none is open; bits of the candidate's matched words; the last match with,
in turn, what was chosen before it.
"""


def align(matches: list[Match]) -> tuple[list[Match], int]:
    """The chosen ones of the possible matches, in the reference's order, and the number of chunks they make.

    The order of the possible matches of one matcher matters where alignments are equally good.
    """
    chosen, contested = _uncontested(matches)
    if contested:
        chosen = _search(chosen, contested)
    chunks = end = candidate_end = 0
    for start, length, candidate_start, candidate_length, _ in chosen:
        if not chunks or start != end or candidate_start != candidate_end:
            chunks += 1
        end, candidate_end = start + length, candidate_start + candidate_length
    return chosen, chunks


def _uncontested(matches: list[Match]) -> tuple[list[Match], dict[int, list[Match]]]:
    """The matches that share no word with others, in the reference's order; and the others by their start."""
    used = candidate_used = 0  # bits of the words that some match has
    shared = candidate_shared = 0  # and of those that more than one has
    masks: list[tuple[int, int]] = []
    for start, length, candidate_start, candidate_length, _ in matches:
        mask = ((1 << length) - 1) << start
        candidate_mask = ((1 << candidate_length) - 1) << candidate_start
        shared |= used & mask
        candidate_shared |= candidate_used & candidate_mask
        used |= mask
        candidate_used |= candidate_mask
        masks.append((mask, candidate_mask))
    if not shared and not candidate_shared:
        return sorted(matches), {}
    alone: list[Match] = []
    contested: dict[int, list[Match]] = {}
    for match, (mask, candidate_mask) in zip(matches, masks, strict=True):
        if not mask & shared and not candidate_mask & candidate_shared:
            alone.append(match)
        elif match[0] in contested:
            contested[match[0]].append(match)
        else:
            contested[match[0]] = [match]
    alone.sort()
    return alone, contested


def _search(alone: list[Match], contested: dict[int, list[Match]]) -> list[Match]:
    certain = {match[0]: match for match in alone}
    choices = {start: _described(options) for start, options in contested.items()}
    positions = {*certain, *contested}  # and where a chunk may end
    positions.update(match[0] + match[1] for match in alone)
    positions.update(match[0] + match[1] for options in contested.values() for match in options)
    beam: list[_Partial] = [(0, 0, 0, 0, -1, -1, 0, None)]
    for position in sorted(positions):
        if position in certain:
            grown = _continued(beam, certain[position])
        elif position in choices:
            grown = _branched(beam, position, choices[position])
        else:
            grown = _closed(beam, position)
        if len(grown) > 1:
            grown.sort()
        beam = grown[:BEAM]
    taken: list[Match] = []
    chosen = beam[0][7]
    while chosen:
        match, chosen = chosen
        taken.append(match)
    return taken[::-1]


def _described(options: list[Match]) -> list[tuple[Match, int, int, int, int, int, int]]:
    """For each match its coverage, distance, ends in both sentences, start in the candidate and bits of words there."""
    return [
        (
            match,
            match[1] // 2 + match[3] // 2 if match[4] else 2,
            abs(match[0] - match[2]),
            match[0] + match[1],
            match[2] + match[3],
            match[2],
            ((1 << match[3]) - 1) << match[2],
        )
        for match in sorted(options, key=_MATCHER)
    ]


_MATCHER = itemgetter(4)


def _continued(beam: list[_Partial], match: Match) -> list[_Partial]:
    """Each partial alignment with a match that all of them have; its coverage and distance make no difference."""
    start, length, candidate_start, candidate_length, _ = match
    next_end, next_candidate_end = start + length, candidate_start + candidate_length
    return [
        (
            coverage,
            chunks if end < 0 or candidate_end == candidate_start else chunks + 1,
            distance,
            place,
            next_end,
            next_candidate_end,
            covered,
            (match, taken),
        )
        for place, (coverage, chunks, distance, _, end, candidate_end, covered, taken) in enumerate(beam)
    ]


def _branched(
    beam: list[_Partial], position: int, options: list[tuple[Match, int, int, int, int, int, int]]
) -> list[_Partial]:
    grown: list[_Partial] = []
    place = 0
    for coverage, chunks, distance, _, end, candidate_end, covered, taken in beam:
        if end > position:
            grown.append((coverage, chunks, distance, place, end, candidate_end, covered, taken))
            place += 1
            continue
        closed = chunks if end < 0 else chunks + 1
        for match, words, apart, next_end, next_candidate_end, candidate_start, mask in options:
            if covered & mask:
                continue
            grown.append(
                (
                    coverage - words,
                    chunks if candidate_end == candidate_start else closed,
                    distance,
                    place,
                    next_end,
                    next_candidate_end,
                    covered | mask,
                    (match, taken),
                )
            )
            place += 1
            distance += apart
        grown.append((coverage, closed, distance, place, -1, -1, covered, taken))
        place += 1
    return grown


def _closed(beam: list[_Partial], position: int) -> list[_Partial]:
    """Each partial alignment at a word where no match begins."""
    return [
        (coverage, chunks + 1, distance, place, -1, -1, covered, taken)
        if end == position
        else (coverage, chunks, distance, place, end, candidate_end, covered, taken)
        for place, (coverage, chunks, distance, _, end, candidate_end, covered, taken) in enumerate(beam)
    ]
