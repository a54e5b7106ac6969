"""Photos with a person's caption are found by how they look, though nobody captioned them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("lxml")

from pictell.albums import IndexOptions, Library, index, plan, remember_looks, similar
from pictell.captioner import Captioner, load
from pictell.errors import PictellError

EXIF_DESCRIPTION = 0x010E


@pytest.fixture(scope="module")
def captioner(tiny_bundle: Path) -> Captioner:
    return load(tiny_bundle)


def photo(path: Path, seed: int, own: str | None = None) -> None:
    small = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    exif = Image.Exif()
    if own:
        exif[EXIF_DESCRIPTION] = own
    Image.fromarray(small).resize((64, 64), Image.Resampling.BICUBIC).save(path, exif=exif)


def test_all_are_looked_at_once_and_keep_their_words(tmp_path: Path, captioner: Captioner) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(80):  # more than are committed at once
        photo(photos / f"{number:02}.jpg", number, own=None if number < 2 else f"Rex {number}")
    failed: list[PictellError] = []
    told: list[tuple[int, int]] = []
    with Library(tmp_path / "l.db") as library:
        list(index(library, captioner, plan(library, photos, captioner.model, IndexOptions()), IndexOptions()))
        entries = list(library.entries())
        (photos / "05.jpg").unlink()
        (photos / "06.jpg").write_bytes(b"no photo")
        photo(photos / "07.jpg", 1234)
        elsewhere = remember_looks(library, captioner, tmp_path / "photo", failed.append)
        assert (elsewhere, failed) == (0, [])
        count = remember_looks(library, captioner, photos, failed.append, lambda *now: told.append(now))
        assert count == 78 - 3
        assert told[-1] == (78, 78)
        assert len(failed) == 2
        assert {Path(str(error).split(":")[0]).name for error in failed} == {"05.jpg", "06.jpg"}
        assert list(library.entries()) == entries
        features = captioner.caption(photos / "40.jpg", features=True, force=True).features
        assert features is not None
        best = similar(library, features, captioner.encoder, limit=1)[0]
        assert (Path(best.path).name, best.own, best.by) == ("40.jpg", "Rex 40", "look")
        assert best.score is not None
        assert best.score > 0.99
        assert remember_looks(library, captioner, photos, failed.append) == 0


def test_what_was_done_before_it_is_stopped_is_not_done_again(tmp_path: Path, captioner: Captioner) -> None:
    for number in range(100):
        photo(tmp_path / f"{number:02}.jpg", number, own="Rex")

    def stop(done: int, _: int) -> None:
        if done == 70:
            raise KeyboardInterrupt

    with Library(tmp_path / "l.db") as library:
        list(index(library, captioner, plan(library, tmp_path, captioner.model, IndexOptions()), IndexOptions()))
        with pytest.raises(KeyboardInterrupt):
            remember_looks(library, captioner, tmp_path, print, stop)  # type: ignore[arg-type]
        assert remember_looks(library, captioner, tmp_path, print) == 100 - 64  # type: ignore[arg-type]
