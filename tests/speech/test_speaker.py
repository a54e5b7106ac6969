"""Speaking and recording, with espeak-ng itself and with programs that stand in for others."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pictell.errors import OptionError, PictellError
from pictell.speech import Speaker
from pictell.speech.voices import EspeakNg, SpeechDispatcher, Voice

ESPEAK = shutil.which("espeak-ng")
needs_espeak = pytest.mark.skipif(ESPEAK is None, reason="espeak-ng is not installed")
unix = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")


def heard(path: Path) -> tuple[float, np.ndarray]:
    """The length in seconds and the samples, -1..1."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768
        return len(samples) / file.getframerate(), samples


def record(path: Path, *texts: str, language: str = "en") -> tuple[float, np.ndarray]:
    speaker = Speaker(language, wav=path)
    for text in texts:
        speaker.add(text)
    speaker.finish()
    return heard(path)


@needs_espeak
def test_what_is_recorded_is_speech(tmp_path: Path) -> None:
    seconds, samples = record(tmp_path / "a.wav", "Possibly: a dog runs on the beach")
    assert 1.5 < seconds < 6
    assert 0.02 < np.sqrt(np.mean(samples**2)) < 0.5
    assert np.abs(samples).max() > 0.1
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@needs_espeak
def test_all_texts_are_recorded_in_order(tmp_path: Path) -> None:
    texts = ["1. a dog", "2. a cat on a chair", "3. two people"]
    alone = [record(tmp_path / "one.wav", text)[0] for text in texts]
    together, samples = record(tmp_path / "all.wav", *texts)
    assert 0.8 * sum(alone) < together < 1.5 * sum(alone) + 1
    # In the pauses between them nothing is heard: at least a fifth of a second, twice.
    quiet = np.abs(samples).reshape(-1)[: len(samples) // 441 * 441].reshape(-1, 441).max(axis=1) < 0.01
    runs = "".join("q" if each else "l" for each in quiet).strip("q").split("l")
    assert sum(len(run) >= 10 for run in runs) >= 2


@needs_espeak
@pytest.mark.parametrize("text", ["-q a dog", "--version", "-w /nowhere/x.wav", "$(exit 3) `exit 3` \"'", "a <b> dog"])
def test_any_text_is_only_read(text: str, tmp_path: Path) -> None:
    seconds, samples = record(tmp_path / "a.wav", text)
    assert seconds > 0.3
    assert np.abs(samples).max() > 0.1


@needs_espeak
def test_languages_sound_otherwise(tmp_path: Path) -> None:
    english = record(tmp_path / "en.wav", "ein Hund am Strand")[1]
    german = record(tmp_path / "de.wav", "ein Hund am Strand", language="de")[1]
    assert len(english) != len(german) or not np.allclose(english, german)


@needs_espeak
def test_a_language_without_a_voice_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"as it was")
    speaker = Speaker("xx", wav=tmp_path / "a.wav")
    speaker.add("x")
    with pytest.raises(PictellError, match=r"espeak-ng cannot speak \(.*voice does not exist"):
        speaker.finish()
    assert (tmp_path / "a.wav").read_bytes() == b"as it was"


@needs_espeak
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sound device is ALSA's")
def test_a_missing_sound_device_is_not_taken_for_speech(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "silent.conf").write_text("pcm.!default { type null }\n", encoding="utf-8")
    (tmp_path / "none.conf").write_text("pcm.!default { type hw card 99 }\n", encoding="utf-8")
    speaker = Speaker(voices=[EspeakNg(str(ESPEAK))])
    monkeypatch.setenv("PULSE_SERVER", str(tmp_path / "none"))
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "silent.conf"))
    speaker.add("a dog")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "none.conf"))
    with pytest.raises(PictellError, match=r"espeak-ng cannot speak \(.*--wav FILE needs no sound device"):
        speaker.add("a dog")


@pytest.fixture
def stand_in(tmp_path: Path) -> Callable[[str, str], str]:
    """Makes a program of a shell script; what it is called with is a line in `calls`, its input in `heard`."""

    def make(name: str, script: str) -> str:
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/calls"\n{script}\n', encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    return make


@unix
def test_the_next_voice_speaks_where_the_first_cannot(stand_in: Callable[[str, str], str], tmp_path: Path) -> None:
    voices: list[Voice] = [
        SpeechDispatcher(stand_in("spd-say", "echo 'Failed to connect' >&2; exit 1")),
        EspeakNg(stand_in("espeak-ng", f"cat >> {tmp_path}/heard")),
    ]
    speaker = Speaker(voices=voices)
    speaker.add("a dog\n")
    speaker.add("-v cat\n")
    assert (tmp_path / "heard").read_text(encoding="utf-8") == "a dog\n-v cat\n"
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert [call.split()[0] for call in calls] == ["spd-say", "espeak-ng", "espeak-ng"]


@unix
def test_a_service_that_does_not_answer_is_not_waited_for(
    stand_in: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pictell.speech.speaker._ANSWER_SECONDS", 0.3)
    speaker = Speaker(voices=[SpeechDispatcher(stand_in("spd-say", "exec sleep 60"))])
    begun = time.monotonic()
    with pytest.raises(PictellError, match="does not answer"):
        speaker.add("a dog")
    assert time.monotonic() - begun < 20


@unix
def test_an_interrupt_stops_the_voice(stand_in: Callable[[str, str], str], tmp_path: Path) -> None:
    program = stand_in(
        "spd-say",
        f'case "$1" in --wait) echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 60;; esac',
    )
    code = (
        "import sys\nfrom pictell.speech import Speaker\nfrom pictell.speech.voices import SpeechDispatcher\n"
        "Speaker(voices=[SpeechDispatcher(sys.argv[1])]).add('a dog')"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    speaking = subprocess.Popen([sys.executable, "-c", code, program], env=environment, stderr=subprocess.PIPE)
    for _ in range(300):
        if (tmp_path / "pid").is_file():
            break
        time.sleep(0.05)
    pid = int((tmp_path / "pid").read_text(encoding="utf-8"))
    speaking.send_signal(signal.SIGINT)
    _, told = speaking.communicate(timeout=30)
    assert b"KeyboardInterrupt" in told
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert (tmp_path / "calls").read_text(encoding="utf-8").splitlines()[-1] == "spd-say -S"


def test_no_voice_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(PictellError, match="apt install espeak-ng") as refused:
        Speaker(voices=[])
    assert refused.value.kind == "no-voice"
    with pytest.raises(PictellError, match="install espeak-ng"):
        Speaker(voices=[SpeechDispatcher("spd-say")], wav=tmp_path / "a.wav")


def test_what_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"ends in \.wav"):
        Speaker(wav=tmp_path / "a.mp3")
    with pytest.raises(PictellError, match="there is no directory"):
        Speaker(wav=tmp_path / "none" / "a.wav")


@pytest.mark.parametrize("language", ["", "-x", "en; reboot", "../x", "english language"])
def test_what_is_no_language(language: str) -> None:
    with pytest.raises(PictellError, match="no voice speaks the language"):
        Speaker(language, voices=[EspeakNg("espeak-ng")])


def test_nothing_to_say_writes_nothing(tmp_path: Path) -> None:
    Speaker(wav=tmp_path / "a.wav", voices=[EspeakNg("no-such-program")]).finish()
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_is_gone_is_one_line() -> None:
    with pytest.raises(PictellError, match="espeak-ng cannot be started"):
        Speaker(voices=[EspeakNg("no-such-program")]).add("a dog")
