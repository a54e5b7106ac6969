"""`pictell speak`: captions read aloud."""

from __future__ import annotations

from typing import Annotated

import typer

from pictell.cli.caption import caption
from pictell.cli.options import Model, Photos, Style, Threads, Wav


def speak(
    context: typer.Context,
    photos: Photos,
    wav: Wav = None,
    style: Style = None,
    force: Annotated[bool, typer.Option("--force", help="Describe also what does not look like a photo.")] = False,
    threads: Threads = None,
    model: Model = None,
) -> None:
    """Read captions of photos aloud, and print them.

    They are hedged ("Possibly: a dog on a beach") unless another --style is asked for. Of several photos the number is read
    before each caption. With --wav all of them go into one file instead, in the order that they are printed in.

    The voice is the system's: speech-dispatcher or espeak-ng on Linux, those of macOS and Windows there. Ctrl-C ends it.
    """
    caption(context, photos, style=style, force=force, speak=True, wav=wav, threads=threads, model=model)
