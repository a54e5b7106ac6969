"""A speaker: says texts one after the other, or records them all in one file."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pictell.errors import OptionError, PictellError
from pictell.files import write_atomically
from pictell.speech.voices import Command, Voice, installed_voices

# The slowest speech takes less.
_SECONDS = 30.0
_SECONDS_A_CHARACTER = 0.5
_ANSWER_SECONDS = 5
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)*")
# espeak-ng ends as if all were well where there is no sound device.
_COMPLAINT = re.compile(r"^error:\s*(.*)", re.IGNORECASE | re.MULTILINE)


class Speaker:
    """Says texts aloud in one language, with the first of the system's voices that works.

    With `wav` nothing is heard: the texts become one WAV file, a paragraph each, which `finish` writes whole.
    """

    def __init__(self, language: str = "en", *, wav: Path | None = None, voices: Sequence[Voice] | None = None) -> None:
        """`voices` are those to try, all that are installed if `None`.

        Raises:
            OptionError: the file's name does not end in `.wav`.
            PictellError: no voice is installed, or there is no such directory.

        """
        if not _LANGUAGE.fullmatch(language):
            raise PictellError("no-voice", f"no voice speaks the language {language!r}")
        if wav is not None and wav.suffix.lower() != ".wav":
            raise OptionError(f"{wav}: speech is written to a file that ends in .wav")
        if wav is not None and not wav.parent.is_dir():
            raise PictellError("output", f"cannot write {wav}: there is no directory {wav.parent}")
        self._language = language
        self._wav = wav
        self._texts: list[str] = []
        self._answered: set[Voice] = set()
        self._voices = list(installed_voices() if voices is None else voices)
        if wav is not None:
            # What records is known by giving a command for it.
            self._voices = [voice for voice in self._voices if voice.recording("", "en", wav) is not None]
        if not self._voices:
            what = "speech-dispatcher or espeak-ng" if wav is None else "espeak-ng"
            raise PictellError(
                "no-voice", f"no voice is installed: install {what} (Debian, Ubuntu: apt install espeak-ng)"
            )

    def add(self, text: str) -> None:
        """Says a text and returns when it is said; or keeps it for the file. An interrupt ends it at once.

        Raises:
            PictellError: no voice could say it.

        """
        if self._wav is not None:
            self._texts.append(text)
            return
        for voice in list(self._voices):
            try:
                if voice not in self._answered and (probe := voice.probing()):
                    _run(probe, voice, _ANSWER_SECONDS)
                self._answered.add(voice)
                _run(voice.saying(text, self._language), voice, _SECONDS + _SECONDS_A_CHARACTER * len(text))
            except PictellError as error:
                if len(self._voices) == 1:
                    message = f"{error.message}; --wav FILE needs no sound device"
                    raise PictellError(error.kind, message) from error
                self._voices.remove(voice)
            except BaseException:
                _hush(voice)
                raise
            else:
                return

    def finish(self) -> None:
        """Writes the file, where there is one to be and anything to say.

        Raises:
            PictellError: it cannot be written.

        """
        if self._wav is None or not self._texts:
            return
        voice = self._voices[0]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            # A blank line is a pause.
            command = voice.recording("\n\n".join(self._texts) + "\n", self._language, path)
            assert command is not None
            _run(command, voice, None)
            try:
                write_atomically(self._wav, path.read_bytes())
            except OSError as error:
                raise PictellError("output", f"cannot write {self._wav}: {error.strerror}") from error


def _run(command: Command, voice: Voice, seconds: float | None) -> None:
    try:
        done = subprocess.run(
            command.arguments,
            input=command.stdin.encode(),
            env={**os.environ, **command.environment},
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except OSError as error:
        raise PictellError("voice", f"{voice.name} cannot be started ({error.strerror})") from error
    except subprocess.TimeoutExpired as error:
        raise PictellError("voice", f"{voice.name} does not answer; is there a sound device?") from error
    told = done.stderr.decode(errors="replace")
    complaint = _COMPLAINT.search(told)
    if done.returncode or complaint:
        why = complaint[1] if complaint else (told.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise PictellError("voice", f"{voice.name} cannot speak ({why.strip()})")


def _hush(voice: Voice) -> None:
    if command := voice.hushing():
        try:
            subprocess.run(command.arguments, capture_output=True, timeout=_ANSWER_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return  # what does not stop when asked cannot be made to
