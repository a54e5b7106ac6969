"""`pictell speak` and `pictell caption --speak`."""

from __future__ import annotations

import shutil
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pictell.captioner import load
from pictell.errors import PictellError
from pictell.speech import Speaker

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said, without a voice."""
    texts: list[str] = []
    monkeypatch.setattr(Speaker, "__init__", lambda self, language, *, wav: texts.append(language))
    monkeypatch.setattr(Speaker, "add", lambda self, text: texts.append(text))
    monkeypatch.setattr(Speaker, "finish", lambda self: None)
    return texts


@pytest.mark.parametrize("command", [["speak"], ["caption", "--speak"]])
def test_one_photo(
    run: Any, photo: Callable[..., Path], tiny_bundle: Path, said: list[str], command: list[str]
) -> None:
    path = photo("a.png")
    ran = run(*command, path, "--model", tiny_bundle)
    text = load(tiny_bundle).caption(path, style="hedged").text
    assert text is not None
    assert text.startswith("Possibly: ")
    assert (ran.code, ran.err, ran.lines, said) == (0, "", [text], ["en", text])


def test_several_photos_are_numbered(
    run: Any, photo: Callable[..., Path], tiny_bundle: Path, said: list[str], tmp_path: Path
) -> None:
    paths = [photo("d/a.png"), tmp_path / "d/b.png", photo("d/c.png", seed=1)]
    paths[1].write_bytes(b"")
    ran = run("speak", tmp_path / "d", "--model", tiny_bundle)
    assert ran.code == 1
    assert len(ran.lines) == 2
    captioner = load(tiny_bundle)
    assert said == ["en", *(f"{n}. {captioner.caption(paths[n - 1], style='hedged').text}" for n in (1, 3))]


def test_a_style_that_is_asked_for(run: Any, photo: Callable[..., Path], tiny_bundle: Path, said: list[str]) -> None:
    path = photo("a.png")
    run("speak", path, "--style", "plain", "--model", tiny_bundle)
    assert said == ["en", load(tiny_bundle).caption(path).text]


def test_without_speech_captions_are_plain(run: Any, photo: Callable[..., Path], tiny_bundle: Path) -> None:
    path = photo("a.png")
    assert run("caption", path, "--model", tiny_bundle).lines == [load(tiny_bundle).caption(path).text]


def test_why_there_is_no_caption_is_said(run: Any, said: list[str], tmp_path: Path) -> None:
    from PIL import Image

    from pictell.bundle import installed_bundles

    if not installed_bundles():
        pytest.skip("no model is installed with the package")
    Image.new("RGB", (300, 200)).save(tmp_path / "black.png")
    assert run("speak", tmp_path / "black.png").code == 0
    assert said[1].startswith("No caption: ")


@needs_espeak
@pytest.mark.parametrize("command", [["speak"], ["caption"], ["caption", "--speak", "--json"]])
def test_a_file_with_all_captions(
    run: Any, photo: Callable[..., Path], tiny_bundle: Path, tmp_path: Path, command: list[str]
) -> None:
    photo("d/a.png")
    photo("d/b.png", seed=1)
    ran = run(*command, tmp_path / "d", "--wav", tmp_path / "all.wav", "--model", tiny_bundle)
    assert (ran.code, ran.err, len(ran.lines)) == (0, "", 2)
    assert "Possibly: " in ran.out
    with wave.open(str(tmp_path / "all.wav")) as file:
        assert file.getnframes() / file.getframerate() > 2


@pytest.mark.parametrize(
    ("wav", "code", "message"), [("a.mp3", 2, "ends in .wav"), ("none/a.wav", 1, "there is no directory none")]
)
def test_what_cannot_be_written_is_refused_before_any_photo(
    run: Any, photo: Callable[..., Path], tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    wav: str, code: int, message: str,
) -> None:  # fmt: skip
    photo("a.png")
    monkeypatch.chdir(tmp_path)
    ran = run("speak", "a.png", "--wav", wav, "--model", tiny_bundle)
    assert (ran.code, ran.out, ran.err.count("\n")) == (code, "", 1)
    assert message in ran.err


def test_no_voice_is_one_line(
    run: Any, photo: Callable[..., Path], tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)
    ran = run("speak", photo("a.png"), "--model", tiny_bundle)
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "apt install espeak-ng" in ran.err


def test_a_voice_that_fails_is_one_line(
    run: Any, photo: Callable[..., Path], tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    def fail(self: Speaker, text: str) -> None:
        raise PictellError("voice", "espeak-ng cannot speak (no device)")

    monkeypatch.setattr(Speaker, "add", fail)
    ran = run("speak", photo("a.png"), "--model", tiny_bundle)
    assert (ran.code, len(ran.lines)) == (1, 1)
    assert ran.err == "pictell: espeak-ng cannot speak (no device)\n"
