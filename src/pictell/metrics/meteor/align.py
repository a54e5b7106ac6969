"""The alignment of a candidate with a reference: which of the possible matches are taken, so that no word is in two.

As published (Denkowski and Lavie 2014, section 2): as many words as possible are covered, by as few chunks as possible (a
chunk is a run of matches that follow each other without a gap in both sentences), found by a beam search over 40 partial
alignments. How the program settles what the description leaves open was learned by watching it:

- A match that shares no word with any other possible match is always taken.
- For the others coverage is counted in words of equal form; a word that only resembles another counts for nothing, a
  phrase of n words for the whole part of n / 2. A match of two single words that are not equal is thus taken only where
  it needs no chunk of its own.
- Then more matches are preferred, where a match between equal positions counts each of its words and another counts as
  two; then what comes first going through the reference: a match before none, earlier candidate words before later
  ones. But a match between equal positions that is the last choice for its word and begins a chunk comes after no match.

These last rules do not always decide as the program does: about one pair in a hundred gets another of the alignments
that are equally good by coverage and chunks, which matters where its words are matched in other ways.
"""

from __future__ import annotations

BEAM = 40

Match = tuple[int, int, int, int, int]
"""First word and number of words in the reference, the same in the candidate, and the matcher's number (exact is 0)."""

_Partial = tuple[int, int, int, tuple[int, ...], int, int, int, tuple[Match, ...]]
"""Matches chosen for the beginning of a reference, so that the smaller tuple is the better one.

Minus the coverage; chunks; minus the matches, counted as said above; the place of each choice among its alternatives (no
two are equal); bits of the candidate's matched words; where the last match ends in the reference and in the candidate;
the matches.
"""


def align(matches: list[Match]) -> tuple[list[Match], int]:
    """The chosen ones of the possible matches, in the reference's order, and the number of chunks they make."""
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
    uses: dict[int, int] = {}  # of each word, the candidate's as negative numbers
    for start, length, candidate_start, candidate_length, _ in matches:
        for word in range(start, start + length):
            uses[word] = uses.get(word, 0) + 1
        for word in range(~candidate_start, ~candidate_start - candidate_length, -1):
            uses[word] = uses.get(word, 0) + 1
    alone: list[Match] = []
    contested: dict[int, list[Match]] = {}
    for match in matches:
        start, length, candidate_start, candidate_length, _ = match
        if (
            uses[start] == 1
            and uses[~candidate_start] == 1
            and all(uses[word] == 1 for word in range(start + 1, start + length))
            and all(uses[~word] == 1 for word in range(candidate_start + 1, candidate_start + candidate_length))
        ):
            alone.append(match)
        elif start in contested:
            contested[start].append(match)
        else:
            contested[start] = [match]
    alone.sort()
    return alone, contested


def _search(alone: list[Match], contested: dict[int, list[Match]]) -> list[Match]:
    certain = {match[0]: match for match in alone}
    beam: list[_Partial] = [(0, 0, 0, (), 0, -1, -1, ())]
    for position in sorted([*certain, *contested]):
        if position in certain:
            beam = [_with(partial, certain[position], 0) for partial in beam]
            beam.sort()
        else:
            options = sorted(contested[position], key=_by_candidate)
            grown: list[_Partial] = []
            for partial in beam:
                grown += _choices(partial, position, options)
            grown.sort()
            beam = grown[:BEAM]
    return list(beam[0][7])


def _choices(partial: _Partial, position: int, options: list[Match]) -> list[_Partial]:
    coverage, chunks, count, order, covered, end, candidate_end, taken = partial
    if end > position:
        return [partial]
    free = [match for match in options if not covered >> match[2] & ((1 << match[3]) - 1)]
    if not free:
        return [partial]
    last = len(free) - 1
    swapped = free[last][2] == position and not (end == position == candidate_end)
    grown = [
        _with(partial, match, last + 1 if swapped and place == last else place) for place, match in enumerate(free)
    ]
    none = last if swapped else last + 1
    grown.append((coverage, chunks, count, (*order, none), covered, end, candidate_end, taken))
    return grown


def _with(partial: _Partial, match: Match, place: int) -> _Partial:
    coverage, chunks, count, order, covered, end, candidate_end, taken = partial
    start, length, candidate_start, candidate_length, matcher = match
    return (
        coverage - (length // 2 + candidate_length // 2 if matcher else 2),
        chunks if start == end and candidate_start == candidate_end else chunks + 1,
        count - (length + candidate_length if start == candidate_start else 2),
        (*order, place),
        covered | ((1 << candidate_length) - 1) << candidate_start,
        start + length,
        candidate_start + candidate_length,
        (*taken, match),
    )


def _by_candidate(match: Match) -> int:
    return match[2]
