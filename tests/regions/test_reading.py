"""Region features in every layout: the same numbers, read photo by photo, with what is wrong named."""

from __future__ import annotations

import base64
import contextlib
import multiprocessing
import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from layouts import LAYOUTS, WITHOUT_SIZE, Detected, Photos, Write, detect, row
from PIL import Image

from pictell.errors import DataError, PictellError, RegionError
from pictell.regions import GivenRegions, Regions, RegionSettings, open_regions
from pictell.regions.store import names_of

PHOTOS: Photos = {"391895": detect(3), "1000092795": detect(1), "42": detect(7), "dog": detect(2)}


@pytest.fixture(params=list(LAYOUTS))
def layout(request: pytest.FixtureRequest) -> str:
    if request.param == "lmdb":
        pytest.importorskip("lmdb")
    return str(request.param)


@pytest.fixture
def write(layout: str) -> Write:
    return LAYOUTS[layout]


def test_what_was_written_is_read(layout: str, write: Write, tmp_path: Path) -> None:
    store = open_regions(write(tmp_path / "features", PHOTOS))
    for name, found in PHOTOS.items():
        assert name in store
        read = store.read(name)
        assert read.features.dtype == np.float32
        np.testing.assert_array_equal(read.features, found.features)
        if layout in WITHOUT_SIZE:
            assert read.boxes is None
        else:
            assert read.boxes is not None
            assert read.boxes.dtype == np.float32
            np.testing.assert_allclose(read.boxes, found.shares, atol=1e-6)


def test_photos_are_found_by_the_names_that_data_sets_have(write: Write, tmp_path: Path) -> None:
    store = open_regions(write(tmp_path / "features", PHOTOS))
    for name, key in (
        ("COCO_val2014_000000391895.jpg", "391895"),
        ("000000391895.jpg", "391895"),
        ("val2014/COCO_val2014_000000391895.jpg", "391895"),
        ("1000092795.jpg", "1000092795"),
        ("dog.JPEG", "dog"),
    ):
        np.testing.assert_array_equal(store.read(name).features, PHOTOS[key].features)


@pytest.mark.parametrize("name", ["cat", "", "391896", "COCO_val2014_000000391896.jpg", "\0", "x" * 3000, "cät", "."])
def test_a_photo_without_features_is_named(write: Write, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "features", PHOTOS)
    store = open_regions(path)
    assert name not in store
    with pytest.raises(RegionError, match="there are no features of it") as caught:
        store.read(name)
    assert caught.value.kind == "missing"
    assert str(path) in caught.value.message
    assert caught.value.message.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("bad", "kind", "says"),
    [
        (np.array([[1, np.nan], [1, 1]], np.float32), "not-finite", "region 1"),
        (np.array([[1, 1], [1, np.inf]], np.float32), "not-finite", "region 2"),
        (np.zeros((2, 2), np.float32), "empty", "all zero"),
    ],
)
def test_features_that_are_no_features_are_refused(
    write: Write, tmp_path: Path, bad: Any, kind: str, says: str
) -> None:
    boxes = np.array([[0, 0, 9, 9], [1, 1, 8, 8]], np.float32)
    store = open_regions(write(tmp_path / "features", {"bad": Detected(bad, boxes), **PHOTOS}))
    with pytest.raises(RegionError, match=says) as caught:
        store.read("bad")
    assert caught.value.kind == kind
    assert "\n" not in caught.value.message
    store.read("dog")  # the others are as they were


def test_other_counts_of_boxes_and_features_are_told(layout: str, write: Write, tmp_path: Path) -> None:
    if layout == "npy":
        pytest.skip("this layout has no boxes")
    found = Detected(detect(3).features, detect(4).boxes)
    store = open_regions(write(tmp_path / "features", {"bad": found}))
    with pytest.raises(RegionError) as caught:
        store.read("bad")
    assert caught.value.kind == ("damaged" if layout.startswith("tsv") else "boxes")
    if layout.startswith("tsv"):
        assert "64 bytes, which are no 3 rows" in caught.value.message
    else:
        assert "3 regions, and there are 4 boxes" in caught.value.message


def test_the_photo_tells_its_size_where_the_layout_does_not(tmp_path: Path) -> None:
    store = open_regions(LAYOUTS["luo"](tmp_path / "features", PHOTOS))
    photo = tmp_path / "dog.png"
    Image.new("RGB", (640, 480)).save(photo)
    boxes = store.read("dog", photo).boxes
    assert boxes is not None
    np.testing.assert_allclose(boxes, PHOTOS["dog"].shares, atol=1e-6)
    photo.write_bytes(b"no photo")
    assert store.read("dog", photo).boxes is None


def test_boxes_beyond_the_photo_end_at_its_edge() -> None:
    store = GivenRegions({"dog": Regions(np.ones((1, 2), np.float32), np.array([[-0.2, 0.5, 0.7, 1.0]], np.float32))})
    np.testing.assert_allclose(store.read("dog").boxes, [[0, 0.5, 0.7, 1.0]])  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(14, 14, 3), (5,)])
def test_grids_and_single_vectors_are_regions(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "dog.npy", np.ones(shape, np.float64))
    found = open_regions(tmp_path).read("dog").features
    assert found.dtype == np.float32
    assert found.shape == (int(np.prod(shape[:-1])), shape[-1])


@pytest.mark.parametrize(
    "found", [np.arange(4), np.array(["a"]), np.ones((1, 2, 3, 4)), np.float32(3), np.ones((0, 4))]
)
def test_arrays_of_something_else_are_refused(tmp_path: Path, found: Any) -> None:
    np.save(tmp_path / "dog.npy", found)
    with pytest.raises(RegionError, match="not numbers") as caught:
        open_regions(tmp_path).read("dog")
    assert caught.value.kind == "damaged"


class _Bomb:
    def __reduce__(self) -> Any:
        return os.mkdir, ("exploded",)


@pytest.fixture
def nothing_explodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / "exploded").exists()


@pytest.mark.usefixtures("nothing_explodes")
def test_pickles_are_refused_and_never_run(tmp_path: Path) -> None:
    folder = tmp_path / "features"
    folder.mkdir()
    bomb = np.empty((), dtype=object)
    bomb[()] = _Bomb()
    np.save(folder / "array.npy", bomb, allow_pickle=True)
    np.savez(folder / "named.npz", feat=bomb)
    (folder / "raw.npy").write_bytes(pickle.dumps(_Bomb()))
    (folder / "raw2.npz").write_bytes(pickle.dumps(_Bomb(), protocol=0))
    store = open_regions(folder)
    for name in ("array", "named", "raw", "raw2"):
        with pytest.raises(RegionError, match="pickle") as caught:
            store.read(name)
        assert caught.value.kind == "pickle"
        assert "numpy.savez" in caught.value.message


@pytest.mark.usefixtures("nothing_explodes")
def test_pickles_in_a_database_are_refused(tmp_path: Path) -> None:
    lmdb = pytest.importorskip("lmdb")
    path = tmp_path / "features.lmdb"
    with lmdb.open(str(path), map_size=1 << 20) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"dog", pickle.dumps({"features": np.ones((2, 3)), "bomb": _Bomb()}))
        transaction.put(b"cat", b"neither")
    store = open_regions(path)
    with pytest.raises(RegionError, match="pickle") as caught:
        store.read("dog")
    assert str(path) in caught.value.message
    with pytest.raises(RegionError, match=r"damaged|pickle"):
        store.read("cat")


def test_a_pickle_beside_the_arrays_is_left_alone(tmp_path: Path) -> None:
    """`write_npz` puts one there; what is read of the others does not depend on it."""
    folder = LAYOUTS["npz"](tmp_path / "features", PHOTOS)
    with np.load(folder / "dog.npz", allow_pickle=True) as content:
        assert content["info"].dtype == object
    open_regions(folder).read("dog")


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_files_are_named_or_read_and_never_a_traceback(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    name = data.draw(st.sampled_from([*LAYOUTS.keys() - {"lmdb"}]))
    path = LAYOUTS[name](folder / "features", {"dog": PHOTOS["dog"]})
    file = path if path.is_file() else next(path.iterdir())
    content = bytearray(file.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content)
    with contextlib.suppress(PictellError):  # anything else is a traceback
        assert np.isfinite(open_regions(path).read("dog").features).all()
    shutil.rmtree(folder)


def test_a_row_that_is_cut_short_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    path = LAYOUTS["tsv"](tmp_path / "features", PHOTOS)
    whole = path.read_bytes()
    last = row("dog", PHOTOS["dog"])
    for kept, kind in ((1, "damaged"), (len(last) // 2, "damaged"), (10, "truncated")):
        part = last[: len(last) - 2 - kept] if kept == 1 else last[:kept]
        path.write_bytes(whole[: len(whole) - len(last)] + part)
        store = open_regions(path)
        with pytest.raises(RegionError) as caught:
            store.read("dog")
        assert caught.value.kind == kind
        assert "cut short" in caught.value.message or "no 2 rows" in caught.value.message
        assert str(path) in caught.value.message
        np.testing.assert_array_equal(store.read("42").features, PHOTOS["42"].features)


def test_broken_base64_is_told(tmp_path: Path) -> None:
    path = tmp_path / "features.tsv"
    cells = row("dog", PHOTOS["dog"]).rstrip().split(b"\t")
    for column, name in ((4, "boxes"), (5, "features")):
        broken = cells.copy()
        broken[column] = b"!!" + broken[column][2:]
        path.write_bytes(b"\t".join(broken) + b"\n")
        with pytest.raises(RegionError, match=f"column {name}, is cut short or no base64"):
            open_regions(path).read("dog")


@pytest.mark.parametrize("count", [b"0", b"-2", b"many", b"2.5"])
def test_a_count_that_is_none_is_told(tmp_path: Path, count: bytes) -> None:
    path = tmp_path / "features.tsv"
    cells = row("dog", PHOTOS["dog"]).rstrip().split(b"\t")
    path.write_bytes(b"\t".join([*cells[:3], count, *cells[4:]]) + b"\n")
    with pytest.raises(RegionError, match="the row of dog"):
        open_regions(path).read("dog")


def test_a_table_of_lxmert_and_one_with_a_header(tmp_path: Path) -> None:
    found = PHOTOS["dog"]
    name, width, height, count, boxes, features = row("dog", found).rstrip().split(b"\t")
    lxmert = [name, height, width, *[base64.b64encode(b"1234")] * 4, count, boxes, features]
    headed = [b"features", b"num_boxes", b"boxes", b"image_h", b"image_w"]
    (tmp_path / "lxmert.tsv").write_bytes(b"\t".join(lxmert) + b"\n")
    lines = [[b"image_id", *headed], [name, features, count, boxes, height, width]]
    (tmp_path / "headed.tsv").write_bytes(b"".join(b"\t".join(line) + b"\n" for line in lines))
    for file in ("lxmert.tsv", "headed.tsv"):
        store = open_regions(tmp_path / file)
        read = store.read("dog")
        np.testing.assert_array_equal(read.features, found.features)
        assert read.boxes is not None
        np.testing.assert_allclose(read.boxes, found.shares, atol=1e-6)
        assert "image_id" not in store


def test_a_table_is_indexed_once_and_again_when_it_changes(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pictell.regions import tsv

    path = LAYOUTS["tsv"](tmp_path / "features", PHOTOS)
    scans = []
    rows_in = tsv._rows_in
    monkeypatch.setattr(tsv, "_rows_in", lambda opened: scans.append(1) or rows_in(opened))
    open_regions(path)
    (kept,) = (own_cache / "regions").iterdir()
    open_regions(path).read("dog")
    assert len(scans) == 1
    path.write_bytes(row("cat", PHOTOS["42"]) + path.read_bytes())
    np.testing.assert_array_equal(open_regions(path).read("dog").features, PHOTOS["dog"].features)
    assert len(scans) == 2
    for index in (own_cache / "regions").iterdir():
        index.write_bytes(index.read_bytes()[:50])  # damaged: read again
    np.testing.assert_array_equal(open_regions(path).read("cat").features, PHOTOS["42"].features)
    assert len(scans) == 3
    assert kept.exists()


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PICTELL_CACHE", str(tmp_path / "file"))
    open_regions(LAYOUTS["tsv"](tmp_path / "features", PHOTOS)).read("dog")


def test_of_two_rows_the_first_counts(tmp_path: Path) -> None:
    path = tmp_path / "features.tsv"
    path.write_bytes(row("dog", PHOTOS["dog"]) + row("dog", PHOTOS["42"]))
    assert len(open_regions(path).read("dog").features) == 2


def test_what_is_no_features_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "one.npz").write_bytes(b"")
    (tmp_path / "features.h5").write_bytes(b"\x89HDF")
    (tmp_path / "empty.tsv").write_bytes(b"")
    (tmp_path / "words.tsv").write_bytes(b"photo\tcaption\ndog.jpg\ta dog\n")
    for name, says in (
        ("nowhere", "there are no region features at"),
        ("empty", "holds no region features"),
        ("one.npz", "one photo's: name the folder"),
        ("features.h5", "in no layout"),
        ("empty.tsv", "no TSV of region features"),
        ("words.tsv", "its first row has 2 columns"),
    ):
        with pytest.raises(DataError, match=says):
            open_regions(tmp_path / name)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("lmdb")
    path = LAYOUTS["lmdb"](tmp_path / "features", PHOTOS)
    content = (path / "data.mdb").read_bytes()
    for size in (0, 100, 5000, len(content) // 2):
        (path / "data.mdb").write_bytes(content[:size])
        with pytest.raises(DataError, match=r"no LMDB, or damaged|cut short"):
            open_regions(path)
    (path / "data.mdb").write_bytes(content)
    open_regions(path).read("dog")


def test_what_is_beside_a_folder_is_not_in_it(tmp_path: Path) -> None:
    store = open_regions(LAYOUTS["npz"](tmp_path / "features", PHOTOS))
    np.savez(tmp_path / "beside.npz", x=np.ones((1, 6), np.float32))
    assert "../beside" not in store
    assert str(tmp_path / "beside") not in store
    assert str(tmp_path / "dog.jpg") in store  # by its name


def test_a_store_goes_to_another_process(layout: str, write: Write, tmp_path: Path) -> None:
    store = open_regions(write(tmp_path / "features", PHOTOS))
    again = pickle.loads(pickle.dumps(store))
    np.testing.assert_array_equal(again.read("42").features, store.read("42").features)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply_async(store.read, ("dog",)).get(timeout=60)
    np.testing.assert_array_equal(found.features, PHOTOS["dog"].features)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_store_outlives_a_fork(write: Write, tmp_path: Path) -> None:
    store = open_regions(write(tmp_path / "features", PHOTOS))
    store.read("42")
    with multiprocessing.get_context("fork").Pool(1) as pool:
        found = pool.apply_async(store.read, ("dog",)).get(timeout=60)
    np.testing.assert_array_equal(found.features, PHOTOS["dog"].features)


# -- as a model reads them ----------------------------------------------------------------------------------------


@given(
    features=arrays.arrays(
        np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(0, 9, width=32)
    ),
    extra=st.integers(0, 4),
    boxed=st.booleans(),
)
def test_rows_are_the_regions_and_then_zeros(features: Any, extra: int, boxed: bool) -> None:
    count, channels = features.shape
    boxes = np.tile(np.array([[0.1, 0.2, 0.6, 0.4]], np.float32), (count, 1))
    rows = RegionSettings(count + extra, channels, boxed).fit(Regions(features, boxes), "dog")
    assert rows.shape == (count + extra, channels + 5 * boxed)
    np.testing.assert_array_equal(rows[:count, :channels], features)
    assert not rows[count:].any()
    real = features.any(axis=1)
    assert (rows[:count].any(axis=1) == real).all()
    if boxed:
        expected = np.tile([[0.1, 0.2, 0.6, 0.4, 0.1]], (real.sum(), 1))
        np.testing.assert_allclose(rows[:count][real][:, channels:], expected, atol=1e-6)


def test_what_does_not_fit_a_model_is_told() -> None:
    found = Regions(np.ones((3, 4), np.float32))
    for settings_, says in (
        (RegionSettings(2, 4), "dog: it has 3 regions, and the model reads up to 2"),
        (RegionSettings(3, 5), "dog: its features are 4 wide, and the model reads 5"),
        (RegionSettings(3, 4, boxes=True), "dog: the model reads boxes"),
    ):
        with pytest.raises(RegionError, match=says):
            settings_.fit(found, "dog")


@given(st.text(max_size=20))
def test_a_photo_is_called_by_its_own_name_first(name: str) -> None:
    assert next(iter(names_of(name))) == name
