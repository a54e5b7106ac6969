"""Every layout of caption files gives the same captions; what is broken is named on one line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.errors import DataError
from pictell.metrics import formats
from pictell.metrics.formats import (
    COCO_ANNOTATIONS,
    JSON_LINES,
    LINES,
    PLAIN_JSON,
    RECORDS,
    TABBED_LINES,
    CaptionFile,
    parse_captions,
    read_captions,
)

CAPTIONS = {"42": ["A dog runs.", "Ein Hund läuft."], "7": ["A cat sleeps."]}


def parse(content: str | bytes | Any) -> CaptionFile:
    if not isinstance(content, str | bytes):
        content = json.dumps(content)
    return parse_captions(io.BytesIO(content.encode() if isinstance(content, str) else content), "file.x")


def refused(content: str | bytes | Any) -> DataError:
    with pytest.raises(DataError) as raised:
        parse(content)
    message = raised.value.message
    assert message.startswith("file.x")
    assert "\n" not in message
    return raised.value


def records(key: str = "image_id", caption: str = "caption") -> list[dict[str, Any]]:
    return [{key: int(name), caption: text} for name, own in CAPTIONS.items() for text in own]


def lines(objects: list[dict[str, Any]]) -> str:
    return "\n".join(map(json.dumps, objects)) + "\n"


@pytest.mark.parametrize(
    ("content", "layout"),
    [
        ({"images": [], "annotations": records()}, COCO_ANNOTATIONS),
        (records(), RECORDS),
        (records("id"), RECORDS),
        (records(caption="text"), RECORDS),
        ([{"id": name, "captions": own} for name, own in CAPTIONS.items()], RECORDS),
        (CAPTIONS, PLAIN_JSON),
        ({name: own if len(own) > 1 else own[0] for name, own in CAPTIONS.items()}, PLAIN_JSON),
        (lines(records()), JSON_LINES),
        (lines(records()).replace("\n", "\r\n\r\n"), JSON_LINES),
        (lines([{"id": name, "captions": own} for name, own in CAPTIONS.items()]), JSON_LINES),
        (lines([{"image_id": name, "references": own} for name, own in CAPTIONS.items()]), JSON_LINES),
        (
            "".join(f"{name}#{n}\t{text}\n" for name, own in CAPTIONS.items() for n, text in enumerate(own)),
            TABBED_LINES,
        ),
        ("\r\n".join(f"{name}\t{text} " for name, own in CAPTIONS.items() for text in own), TABBED_LINES),
    ],
)
def test_every_layout_gives_the_same_captions(content: Any, layout: str) -> None:
    for mark in (b"", b"\xef\xbb\xbf"):  # with and without UTF-8's byte order mark
        text = content if isinstance(content, str) else json.dumps(content)
        found = parse(mark + text.encode())
        assert (found.layout, found.captions) == (layout, CAPTIONS)


def test_json_may_be_spread_over_lines_and_need_not_be_ascii() -> None:
    assert parse(json.dumps(CAPTIONS, indent=2, ensure_ascii=False)).captions == CAPTIONS


def test_a_caption_a_line() -> None:
    found = parse("A dog.\n\nA\u2028cat\x0b\ttoo.\r\n[unk] a bird\n")
    assert found.layout == LINES
    assert found.captions == {"1": ["A dog."], "2": [""], "3": ["A\u2028cat\x0b\ttoo."], "4": ["[unk] a bird"]}
    assert len(parse("a\nb").captions) == len(parse("a\nb\n").captions) == 2


def test_one_json_line_is_a_record_and_no_plain_json() -> None:
    found = parse('{"image_id": 42, "caption": "A dog."}\n')
    assert (found.layout, found.captions) == (JSON_LINES, {"42": ["A dog."]})


def test_what_pictell_caption_prints() -> None:
    found = parse(
        lines(
            [
                {"path": "photos/deep/1.jpg", "text": "a dog", "log_prob": -1.0, "model": "m@1"},
                {"path": "C:\\photos\\2.jpg", "text": None, "reason": "a page of text"},
                {"path": "photos/3.jpg", "error": {"kind": "truncated", "message": "cut short"}},
            ]
        )
    )
    assert found.captions == {"1.jpg": ["a dog"], "2.jpg": [""], "3.jpg": [""]}
    # In a folder whose names are no text there are such paths, and JSON has escapes for them.
    assert parse('{"path": "\\udce9.jpg", "text": "a dog"}').captions == {"\udce9.jpg": ["a dog"]}


def test_coco_knows_the_names_of_photos() -> None:
    images = [{"id": 42, "file_name": "COCO_val2014_000000000042.jpg"}, "no image", {"id": 7}]
    found = parse({"images": images, "annotations": records()})
    assert found.ids_of_photos == {"COCO_val2014_000000000042.jpg": "42"}


def test_ten_thousand_words_and_control_characters_are_a_caption() -> None:
    long = " ".join(["word"] * 10_000) + " \x00\x1b[31m\u202e"
    assert parse({"1": long}).captions == {"1": [long]}


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        ("", "empty", "no captions"),
        (b"\xef\xbb\xbf \n", "empty", "no captions"),
        ("[]", "empty", "no captions"),
        ({}, "empty", "no captions"),
        ({"annotations": []}, "empty", "no captions"),
        ('{"1": "a",\n "2": }', "json", "line 2, column 7"),
        ('{"1": "a"', "json", "line 1, column 10"),
        ('[{"image_id": 1, "caption": "a"}]]', "json", "line 1, column 34"),
        ('{"id": 1, "caption": "a"}\n{"id": 2, "caption": b}', "json", "line 2, column 22"),
        ('{"1": "NaN",\n "2": NaN}', "json", "line 2, column 7: JSON has no NaN"),
        ('{"id": 1, "caption": "a"}\n\n{"id": -Infinity}', "json", "line 3, column 8: JSON has no -Infinity"),
        ('{"a": ' + "[" * 200_000, "json", "cannot be read as JSON"),
        ("[{" * 3, "json", "line 1"),
        ('[{"image_id": ' + "1" * 5000 + ', "caption": "a"}]', "json", "cannot be read"),
        ("é".encode("latin-1") + b"a\n", "encoding", "line 1: byte 0xe9 is not UTF-8"),
        (b'{"1": "a",\n"2": "\xff"}', "encoding", "line 2: byte 0xff"),
        ("a dog".encode("utf-16"), "encoding", "UTF-16: save it as UTF-8"),
        ("a dog".encode("utf-16-le"), "encoding", "save it as UTF-8"),
        ({"annotations": [{"image_id": 1, "bbox": []}]}, "layout", "entry 1: there is no caption"),
        ([{"caption": "a"}], "layout", "entry 1: there is no id"),
        ([{"image_id": 1, "caption": "a"}, "a dog"], "layout", "entry 2: this is text"),
        (["a dog", "a cat"], "layout", "entry 1: this is text"),
        ([[1, "a"]], "layout", "entry 1: this is a list"),
        ('{"id": 1, "caption": "a"}\n[2]', "layout", "line 2: this is a list"),
        ('{"id": 1, "caption": "a"}\n\n{"id": 2}\n', "layout", "line 3: there is no caption"),
        ("1.jpg#0\ta\n2.jpg b\n", "layout", "line 2: expected NAME#NUMBER"),
        ([{"image_id": None, "caption": "a"}], "ids", "entry 1: the id null"),
        ([{"image_id": True, "caption": "a"}], "ids", "true"),
        ([{"image_id": 1.0, "caption": "a"}], "ids", "1.0"),
        ([{"image_id": "", "caption": "a"}], "ids", "empty"),
        ([{"image_id": [1], "caption": "a"}], "ids", "a list"),
        ([{"image_id": 42, "caption": "a"}, {"image_id": "42", "caption": "a"}], "ids", 'entry 2: the id 42 is there as'),
        ([{"image_id": 42, "caption": None}], "not-text", "the caption of 42 is null"),
        ([{"image_id": 42, "caption": 3}], "not-text", "a number"),
        ([{"image_id": 42, "captions": ["a", ["b"]]}], "not-text", "a list"),
        ({"42": ["a", None]}, "not-text", 'id "42": the caption of "42" is null'),
        ({"42": {"caption": "a"}}, "not-text", "an object"),
        ('{"42": "\\ud83d a dog"}', "not-text", "half a character"),
        ('{"42": "a", "43": "b", "42": "c"}', "duplicate", '"42" stands twice'),
        ('{"id": 1, "caption": "a"}\n{"id": 2, "id": 3, "caption": "a"}', "duplicate", 'line 2: "id" stands twice'),
    ],
)  # fmt: skip
def test_what_is_broken_is_named(content: Any, kind: str, words: str) -> None:
    error = refused(content)
    assert error.kind == kind
    assert words in error.message
    assert len(error.message) < 300


def test_ids_that_are_shown_are_cut_short() -> None:
    assert len(refused([{"image_id": "x" * 10_000, "caption": None}]).message) < 300


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(DataError, match="cannot read") as raised:
            read_captions(path)
        assert raised.value.kind == "unreadable"
        assert str(path) in raised.value.message


def test_files_that_are_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.txt"
    path.write_text("a dog\n" * 10)
    assert len(read_captions(path).captions) == 10
    monkeypatch.setattr(formats, "MAX_BYTES", 59)
    with pytest.raises(DataError) as raised:
        read_captions(path)
    assert raised.value.kind == "too-large"


ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(ids, st.lists(texts, min_size=1), min_size=1))
def test_any_captions_survive_json(captions: dict[str, list[str]]) -> None:
    listed = [{"image_id": key, "caption": text} for key, own in captions.items() for text in own]
    assert parse({"annotations": listed}).captions == captions
    assert parse(listed).captions == captions
    assert parse("\n".join(json.dumps(each, ensure_ascii=False) for each in listed)).captions == captions
    plain = {f"id {key}": own for key, own in captions.items()}
    assert parse(plain).captions == plain


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\t\0{[\ufeff"), min_size=1), min_size=1
    )
)
def test_any_captions_survive_text(captions: list[str]) -> None:
    if not any(text.strip() for text in captions):
        return
    assert parse("\n".join(captions) + "\n").captions == {str(n): [text] for n, text in enumerate(captions, 1)}
    tabbed = "".join(f"{n}.jpg#0\t{text}\n" for n, text in enumerate(captions))
    assert parse(tabbed).captions == {f"{n}.jpg": [text.strip()] for n, text in enumerate(captions)}


def check(content: bytes) -> None:
    try:
        found = parse(content)
    except DataError as error:
        assert error.message.startswith("file.x")  # noqa: PT017
        assert "\n" not in error.message  # noqa: PT017
    else:
        assert found.captions
        assert all(isinstance(key, str) for key in found.captions)
        assert all(isinstance(text, str) for own in found.captions.values() for text in own)


@given(st.binary())
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    check(content)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["image_id", "caption", "annotations", "path", "text", "1"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(st.lists(json_values, min_size=1, max_size=4), st.booleans())
def test_any_json_is_read_or_refused(values: list[Any], cut: bool) -> None:
    content = "\n".join(map(json.dumps, values)).encode()
    check(content[: len(content) * 2 // 3] if cut else content)
