"""The programs that speak, one to a system's way: what they are called with, and where they are found.

All of them are programs of the system, and none needs a library: `pyttsx3`, which stands for them in Python, fell silent after
the first sentence on Windows in its release of the day (2.99), while System.Speech is in every Windows since Vista.
Text goes to them on standard input, or as one argument behind `--`, never through a shell.
"""

from __future__ import annotations

import locale
import re
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pictell.errors import PictellError


@dataclass(frozen=True)
class Command:
    """How a program is called: its argument list, what it reads on standard input, and what it finds in its environment."""

    arguments: list[str]
    stdin: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Voice(ABC):
    """A program that speaks, by its path."""

    program: str

    @property
    @abstractmethod
    def name(self) -> str:
        """What people call it."""

    @abstractmethod
    def saying(self, text: str, language: str) -> Command:
        """The command that speaks a text in a language (`en`) and ends when it is spoken."""

    def recording(self, text: str, language: str, path: Path) -> Command | None:
        """The command that writes the speech to a WAV file instead; `None` where the program cannot."""
        return None

    def probing(self) -> Command | None:
        """A command that ends soon where the voice can be used; `None` where to speak is the way to tell."""
        return None

    def hushing(self) -> Command | None:
        """The command that ends what another program speaks for this one; `None` where it speaks itself."""
        return None


class SpeechDispatcher(Voice):
    """speech-dispatcher, the service that screen readers on Linux speak through, with the voice that its user chose."""

    name = "speech-dispatcher"

    def saying(self, text: str, language: str) -> Command:
        """See `Voice`."""
        options = ["--wait", f"--language={language}", "--application-name=pictell"]
        return Command([self.program, *options, "--", text])

    def probing(self) -> Command:
        """See `Voice`. A service without a sound device keeps everyone waiting for ever; one that works answers at once."""
        return Command([self.program, "-O"])

    def hushing(self) -> Command:
        """See `Voice`."""
        return Command([self.program, "-S"])  # its long name is declared wrongly and refused


class EspeakNg(Voice):
    """espeak-ng, with formant voices for about a hundred languages."""

    name = "espeak-ng"

    def saying(self, text: str, language: str) -> Command:
        """See `Voice`."""
        return Command([self.program, "-b", "1", "-v", language, "--stdin"], text)

    def recording(self, text: str, language: str, path: Path) -> Command:
        """See `Voice`."""
        return Command([self.program, "-b", "1", "-v", language, "-w", str(path), "--stdin"], text)


class MacVoice(Voice):
    """`say` of macOS: the voice of the system settings, or, for another language than the system's, the first it has."""

    name = "say"

    def saying(self, text: str, language: str) -> Command:
        """See `Voice`."""
        return Command([self.program, *self._choice(language), "-f", "-"], text)

    def recording(self, text: str, language: str, path: Path) -> Command:
        """See `Voice`."""
        form = ["--file-format=WAVE", "--data-format=LEI16@22050", "-o", str(path)]
        return Command([self.program, *self._choice(language), *form, "-f", "-"], text)

    def _choice(self, language: str) -> list[str]:
        language = _without_region(language)
        if (locale.getlocale()[0] or "").lower().startswith(language):
            return []
        listed = subprocess.run([self.program, "-v", "?"], capture_output=True, check=False).stdout.decode(
            errors="replace"
        )
        found = re.search(rf"^(\S.*?)\s+{language}[_-]\w+\s+#", listed, re.MULTILINE)
        if not found:
            raise PictellError("no-voice", f"macOS has no voice for the language {language!r}: add one in its settings")
        return ["-v", found[1]]


class WindowsVoice(Voice):
    """System.Speech of Windows through its PowerShell: the default voice, or the first of the language."""

    name = "the voice of Windows"
    _SCRIPT = """
$ErrorActionPreference = 'Stop'
Add-Type -AssemblyName System.Speech
$speaker = New-Object System.Speech.Synthesis.SpeechSynthesizer
$language = $env:PICTELL_LANGUAGE
if ($speaker.Voice.Culture.TwoLetterISOLanguageName -ne $language) {
    $others = $speaker.GetInstalledVoices() |
        Where-Object { $_.Enabled -and $_.VoiceInfo.Culture.TwoLetterISOLanguageName -eq $language }
    if (-not $others) { [Console]::Error.WriteLine("error: no voice for the language $language is installed"); exit 1 }
    $speaker.SelectVoice(@($others)[0].VoiceInfo.Name)
}
if ($env:PICTELL_WAV) { $speaker.SetOutputToWaveFile($env:PICTELL_WAV) }
$reader = New-Object IO.StreamReader([Console]::OpenStandardInput(), [Text.Encoding]::UTF8)
$speaker.Speak($reader.ReadToEnd())
$speaker.Dispose()
"""

    def saying(self, text: str, language: str) -> Command:
        """See `Voice`."""
        arguments = [self.program, "-NoProfile", "-NonInteractive", "-Command", self._SCRIPT]
        return Command(arguments, text, {"PICTELL_LANGUAGE": _without_region(language), "PICTELL_WAV": ""})

    def recording(self, text: str, language: str, path: Path) -> Command:
        """See `Voice`."""
        command = self.saying(text, language)
        return Command(command.arguments, text, {**command.environment, "PICTELL_WAV": str(path)})


def _without_region(language: str) -> str:
    return re.split("[-_]", language)[0].lower()


def installed_voices() -> list[Voice]:
    """The voices of this machine, the system's own first."""
    programs: list[tuple[str, type[Voice]]] = [("espeak-ng", EspeakNg)]
    if sys.platform == "darwin":
        programs.insert(0, ("say", MacVoice))
    elif sys.platform == "win32":
        programs.insert(0, ("powershell.exe", WindowsVoice))
    else:
        programs.insert(0, ("spd-say", SpeechDispatcher))
    found = ((shutil.which(program), kind) for program, kind in programs)
    return [kind(path) for path, kind in found if path]
