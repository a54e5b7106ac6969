"""What is wrong with a data set stops the load, or is left out and counted; it is never passed over in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictell.data import DATASETS, CaptionedPhoto, load_dataset
from pictell.data.faults import sift
from pictell.data.flickr8k import CAPTIONS, PHOTOS, SPLITS
from pictell.errors import DataError

HERE = Path(__file__)


def photo(name: str, *captions: str, there: bool = True, rejected: int = 0) -> CaptionedPhoto:
    return CaptionedPhoto(name, HERE if there else HERE.with_name("none"), captions, rejected=rejected)


def test_each_fault_is_told_from_the_others() -> None:
    found = sift(
        [
            photo("good", "A dog."),
            photo("missing", "A dog.", there=False),
            photo("uncaptioned"),
            photo("empty", "A dog.", " \t"),
            photo("all empty", ""),
            photo("good", "A cat."),
            photo("withdrawn", rejected=2),
        ]
    )
    assert found.photos == [photo("good", "A dog."), photo("empty", "A dog.")]
    assert found.faults.missing == ("missing",)
    assert found.faults.uncaptioned == ("uncaptioned",)
    assert found.faults.empty == ("empty", "all empty")
    assert found.faults.duplicate == ("good",)
    assert found.withdrawn == ("withdrawn",)
    assert found.faults.kinds == ["missing", "uncaptioned", "empty", "duplicate"]
    assert not sift([photo("good", "A dog."), photo("withdrawn", rejected=1)]).faults


@given(
    st.lists(
        st.builds(
            photo,
            st.sampled_from("abc"),
            st.sampled_from(["", "A dog."]),
            there=st.booleans(),
            rejected=st.integers(0, 1),
        )
    )
)
def test_what_is_sifted_is_sound(photos: list[CaptionedPhoto]) -> None:
    once = sift(photos)
    again = sift(once.photos)
    assert (again.photos, bool(again.faults), again.withdrawn) == (once.photos, False, ())
    assert bool(once.faults) == (once.photos != photos)


@pytest.mark.parametrize("name", ["\0", "a" * 10000, "\ud800", "a\nb", "../" * 3000])
def test_a_name_that_no_file_can_have_is_a_missing_photo(flickr8k: Path, name: str) -> None:
    strange = CaptionedPhoto(name, flickr8k / name, ("A dog.",))
    assert strange.key
    found = sift([strange])
    assert found.faults.missing == (name,)
    assert all(line.isprintable() for line in found.faults.lines("train"))


def test_faults_stop_the_load_or_are_left_out_and_counted(flickr8k: Path) -> None:
    name = f"flickr8k:{flickr8k}"
    (flickr8k / PHOTOS / "0_ab.jpg").unlink()
    with (flickr8k / CAPTIONS).open("a", encoding="utf-8") as file:
        file.write("2_ab.jpg#2\t \n")
    with (flickr8k / SPLITS["train"]).open("a", encoding="utf-8") as file:
        file.write("1_ab.jpg\n")
    with pytest.raises(DataError, match="skip_missing") as caught:
        load_dataset(name, "train")
    assert caught.value.kind == "missing"
    for told in ("not on disk, first 0_ab.jpg", "empty caption, first 2_ab.jpg", "another one, first 1_ab.jpg"):
        assert f"1 photos of the train split {'are' if 'disk' in told else 'have'}" in caught.value.message
        assert told in caught.value.message
    said: list[str] = []
    photos = load_dataset(name, "train", skip_missing=True, say=said.append)
    assert [(photo.id, len(photo.captions)) for photo in photos] == [("2_ab.jpg", 2), ("1_ab.jpg", 2)]
    [line] = said
    assert line.startswith("left out: ")
    assert line.removeprefix("left out: ") in caught.value.message
    assert load_dataset(name, "dev", skip_missing=True, say=said.append)
    assert len(said) == 1, "nothing is said where nothing is left out"


def test_a_split_with_nothing_left_is_refused(flickr8k: Path) -> None:
    for path in (flickr8k / PHOTOS).iterdir():
        path.unlink()
    with pytest.raises(DataError, match="no photo of the train split") as caught:
        load_dataset(f"flickr8k:{flickr8k}", "train", skip_missing=True)
    assert caught.value.kind == "no-photos"


@pytest.mark.parametrize("kind", list(DATASETS))
def test_a_folder_without_the_data_set_and_an_unknown_split_are_named(kind: str, tmp_path: Path) -> None:
    for split in ("train", "val2014"):
        with pytest.raises(DataError) as caught:
            load_dataset(f"{kind}:{tmp_path}", split)
        assert (caught.value.kind == "missing" and str(tmp_path) in caught.value.message) or (
            caught.value.kind == "unknown-split" and "it has " in caught.value.message
        )


KEYS = ["images", "annotations", "id", "image_id", "file_name", "caption", "is_rejected", "is_precanned", "split"]
KEYS += ["filename", "filepath", "sentences", "raw", "regions", "phrase", "url", "coco_id", "flickr_id"]
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from(["train", "a/b.jpg", "2", ""])
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
)
FILES = {
    "coco": ["annotations/captions_train2014.json"],
    "vizwiz": ["annotations/train.json"],
    "coco-karpathy": ["dataset_coco.json"],
    "flickr30k-karpathy": ["dataset_flickr30k.json"],
    "visual-genome": ["region_descriptions.json", "image_data.json"],
}


@pytest.mark.parametrize("kind", list(FILES))
@settings(max_examples=60)
@given(content=JSON, inside=st.sampled_from([None, "images", "annotations"]))
def test_any_json_is_read_or_refused(
    kind: str, content: Any, inside: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    for part in ("annotations", "train2014", "train", "flickr30k-images", "VG_100K", "VG_100K_2"):
        (folder / part).mkdir()
    whole = content if inside is None else {"images": [], "annotations": [], inside: [content]}
    for name in FILES[kind]:
        (folder / name).write_text(json.dumps(whole), encoding="utf-8")
    try:
        load_dataset(f"{kind}:{folder}", "train2014" if kind == "coco" else "train", skip_missing=True)
    except DataError as error:
        assert "\n" not in error.message  # noqa: PT017  # either outcome is right
