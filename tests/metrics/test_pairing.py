from __future__ import annotations

from typing import Any

import pytest

from pictell.errors import DataError
from pictell.metrics.formats import COCO_ANNOTATIONS, LINES, PLAIN_JSON, CaptionFile
from pictell.metrics.pairing import Pairs, in_common, merge, pair


def captions(name: str, **own: str | list[str]) -> CaptionFile:
    listed = {key: [text] if isinstance(text, str) else text for key, text in own.items()}
    return CaptionFile(name, PLAIN_JSON, listed)


def lines(name: str, *own: str) -> CaptionFile:
    return CaptionFile(name, LINES, {str(number): [text] for number, text in enumerate(own, 1)})


def refused(kind: str, *files: CaptionFile, **options: Any) -> str:
    with pytest.raises(DataError) as raised:
        pair(*files, **options)
    assert raised.value.kind == kind
    assert "\n" not in raised.value.message
    return raised.value.message


REFERENCES = captions("refs", a=["a dog", "dogs"], b="a cat", c="a car")


def test_the_order_is_that_of_the_references() -> None:
    pairs = pair(REFERENCES, captions("cands", c="3", a="1", b=""))
    assert pairs == Pairs(REFERENCES.captions, {"a": "1", "b": "", "c": "3"}, ())
    assert list(pairs.candidates) == ["a", "b", "c"]


def test_missing_candidates_are_refused_or_counted() -> None:
    message = refused("missing-candidates", REFERENCES, captions("cands", b="1"))
    assert "'a', 'c'" in message
    assert "2 of the 3" in message
    assert "--allow-missing" in message
    pairs = pair(REFERENCES, captions("cands", b="1"), allow_missing=True)
    assert pairs == Pairs({"b": ["a cat"]}, {"b": "1"}, ("a", "c"))


@pytest.mark.parametrize("allow_missing", [False, True])
def test_candidates_without_references_are_refused(allow_missing: bool) -> None:
    own = dict.fromkeys("abcdefgh", "x")
    message = refused("no-references", REFERENCES, captions("cands", **own), allow_missing=allow_missing)
    assert "'d', 'e', 'f' and 2 more" in message
    assert "ids there" not in message
    message = refused("no-references", REFERENCES, captions("cands", z="x"), allow_missing=allow_missing)
    assert "ids there are like 'a'" in message


def test_several_candidates_of_an_image_are_refused() -> None:
    message = refused("duplicate", REFERENCES, captions("cands", a=["1", "2"], b=["1", "2"], c="3"))
    assert "several candidates for 'a', 'b':" in message


def test_an_id_without_a_caption_has_no_candidate() -> None:
    assert "'b'" in refused("missing-candidates", REFERENCES, captions("cands", a="1", b=[], c="3"))


def test_an_image_without_references_is_refused() -> None:
    assert "'b'" in refused("no-references", captions("refs", a="x", b=[]), captions("cands", a="1", b="2"))


def test_a_photo_is_known_by_the_name_of_its_file() -> None:
    coco = CaptionFile("coco", COCO_ANNOTATIONS, {"42": ["a dog"], "7": ["a cat"]}, {"42.jpg": "42", "7.jpg": "7"})
    pairs = pair(coco, CaptionFile("cands", PLAIN_JSON, {"7": ["cat"], "42.jpg": ["dog"]}))
    assert pairs.candidates == {"42": "dog", "7": "cat"}
    both = CaptionFile("cands", PLAIN_JSON, {"7": ["cat"], "7.jpg": ["dog"], "42": ["a"]})
    assert "several candidates for '7'" in refused("duplicate", coco, both)


def test_line_by_line() -> None:
    references = merge([lines("r1", "a dog", "a cat"), lines("r2", "dogs", " ")])
    assert references.captions == {"1": ["a dog", "dogs"], "2": ["a cat"]}
    assert pair(references, lines("cands", "1", "")).candidates == {"1": "1", "2": ""}
    for allow_missing in (False, True):
        message = refused("layout", references, lines("cands", "1"), allow_missing=allow_missing)
        assert "r1, r2 has 2 lines, cands 1" in message
    assert "give both in one layout" in refused("layout", references, captions("cands", a="1"))
    assert "give both in one layout" in refused("layout", REFERENCES, lines("cands", "1"))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([lines("r1", "a", "b"), lines("r2", "a")], "r1 has 2 lines, r2 1"),
        ([lines("r1", "a", "b"), REFERENCES], "r1 is a caption a line, refs has ids"),
        ([REFERENCES, lines("r1", "a", "b")], "r1 is a caption a line, refs has ids"),
        ([lines("r1", "a", " "), lines("r2", "a", "")], "line 2 has no reference"),
    ],
)
def test_references_that_do_not_fit_together(files: list[CaptionFile], words: str) -> None:
    with pytest.raises(DataError) as raised:
        merge(files)
    assert words in raised.value.message


def test_references_of_several_files_add_up() -> None:
    merged = merge([REFERENCES, captions("more", a="a puppy", d="a bird")])
    assert merged.captions["a"] == ["a dog", "dogs", "a puppy"]
    assert list(merged.captions) == ["a", "b", "c", "d"]
    assert REFERENCES.captions["a"] == ["a dog", "dogs"]  # which are not changed by it


def test_two_systems_on_the_same_images() -> None:
    first = pair(REFERENCES, captions("one", a="1", b="2"), allow_missing=True)
    second = pair(REFERENCES, captions("two", c="3", b="2"), allow_missing=True)
    one, two = in_common(first, second)
    assert one.references == two.references == {"b": ["a cat"]}
    assert (one.candidates, two.candidates) == ({"b": "2"}, {"b": "2"})
    assert set(one.missing) == set(two.missing) == {"a", "c"}
    assert len(one.missing) == 2
    assert in_common(first, first) == (first, first)
    with pytest.raises(DataError, match="no image"):
        in_common(pair(REFERENCES, captions("one", a="1"), allow_missing=True), second)
