"""How the programs that speak are called."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from pictell.errors import PictellError
from pictell.speech.voices import EspeakNg, MacVoice, SpeechDispatcher, Voice, WindowsVoice, installed_voices

TEXTS = ["a dog", "-w /tmp/x", "--stop", "$(reboot) `x` \"y\" 'z'; &", "two\nlines", "狗"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("voice", [EspeakNg("p"), WindowsVoice("p"), SpeechDispatcher("p")])
def test_text_is_never_an_option_or_a_program(voice: Voice, text: str) -> None:
    command = voice.saying(text, "en")
    if isinstance(voice, SpeechDispatcher):
        assert command.arguments[-2:] == ["--", text]
        assert text not in command.arguments[:-2]
    else:
        assert text not in command.arguments
        assert command.stdin == text
        assert voice.saying("another", "en").arguments == command.arguments


def test_what_records(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    assert SpeechDispatcher("p").recording("a", "en", path) is None
    command = EspeakNg("p").recording("a", "en", path)
    assert command.arguments[command.arguments.index("-w") + 1] == str(path)
    assert WindowsVoice("p").recording("a", "en", path).environment == {
        "PICTELL_LANGUAGE": "en",
        "PICTELL_WAV": str(path),
    }


def test_the_voice_has_the_language() -> None:
    assert "--language=de" in SpeechDispatcher("p").saying("x", "de").arguments
    arguments = EspeakNg("p").saying("x", "de").arguments
    assert arguments[arguments.index("-v") + 1] == "de"


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for `say` is a shell script")
def test_the_voice_of_a_mac_has_the_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "say"
    listed = [
        "Alex                en_US    # Hello",
        "Eddy (German (Germany)) de_DE    # Hallo",
        "Anna  de_DE    # Hallo",
    ]
    program.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in listed), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr("locale.getlocale", lambda: ("en_US", "UTF-8"))
    voice = MacVoice(str(program))
    assert voice.saying("x", "en").arguments == [str(program), "-f", "-"]
    assert voice.saying("x", "de").arguments == [str(program), "-v", "Eddy (German (Germany))", "-f", "-"]
    assert str(tmp_path / "y.wav") in voice.recording("x", "de", tmp_path / "y.wav").arguments
    with pytest.raises(PictellError, match="no voice for the language 'fi'"):
        voice.saying("x", "fi")


@pytest.mark.parametrize(
    ("platform", "there", "found"),
    [
        ("linux", {"spd-say", "espeak-ng", "say"}, [SpeechDispatcher, EspeakNg]),
        ("linux", {"espeak-ng"}, [EspeakNg]),
        ("darwin", {"say", "spd-say"}, [MacVoice]),
        ("win32", {"powershell.exe"}, [WindowsVoice]),
        ("freebsd14", set(), []),
    ],
)
def test_which_voices_there_are(
    platform: str, there: set[str], found: list[type[Voice]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(shutil, "which", lambda program: f"/bin/{program}" if program in there else None)
    assert [type(voice) for voice in installed_voices()] == found
