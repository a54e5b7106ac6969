from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from server_helpers import Served, picture, running

import pictell
from pictell import Captioner

KEY = "a key of the tests"


@pytest.fixture(scope="session")
def library(tiny_bundle: Path) -> Captioner:
    """The model that the service has by default."""
    return pictell.load(tiny_bundle)


@pytest.fixture(scope="session")
def said(library: Captioner, pictures: list[bytes]) -> list[str]:
    """What the library says of each picture."""
    texts = [library.caption(each).text for each in pictures]
    assert all(texts)
    assert len(set(texts)) > 1
    return [str(text) for text in texts]


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photos beside things that are nobody's business, with links in and out."""
    place = tmp_path_factory.mktemp("machine")
    (place / "secret.jpg").write_bytes(picture(1))
    (place / "photos-of-others").mkdir()
    (place / "photos-of-others" / "theirs.jpg").write_bytes(picture(2))
    album = place / "photos"
    (album / "2024").mkdir(parents=True)
    (album / "2024" / "dög.webp").write_bytes(picture(3, form="WEBP"))
    (album / "inside.webp").symlink_to(album / "2024" / "dög.webp")
    (album / "out.jpg").symlink_to(place / "secret.jpg")
    (album / "out").symlink_to(place)
    (album / "large.jpg").write_bytes(b"\xff\xd8" + bytes(1 << 20))
    return album


@pytest.fixture(scope="session")
def locked(tiny_bundle: Path, album: Path) -> Iterator[Served]:
    """A service with a key, a small limit, and a folder of photos that it may read."""
    arguments = ("--model", tiny_bundle, "--photo-root", album, "--max-body-mb", "0.5")
    with running(*arguments, key=KEY, environment={"PICTELL_API_KEY": KEY}) as service:
        yield service
