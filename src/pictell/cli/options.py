"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# Not a `Path`, which would make "." of an empty name and "-" of "./-".
_PHOTOS = typer.Argument(
    metavar="PHOTO|DIR|-",
    parser=str,
    show_default=False,
    help="Photos, directories of photos (searched with all below them), or - for a picture on standard input.",
)
Photos = Annotated[list[str], _PHOTOS]
PhotosOrNone = Annotated[list[str] | None, _PHOTOS]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="An installed model or the directory of one; several, separated by commas, speak as one. hf:DIR or "
        "hf:OWNER/NAME is one of Hugging Face; openvino: before a model has OpenVINO run it."
        "  [default: the one that comes with pictell]",
    ),
]
Beam = Annotated[int | None, typer.Option(metavar="N", help="Width of the search.  [default: the model's own choice]")]
Threads = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="How many cores to use.  [default: as many as there are, 8 at most]"),
]
Style = Annotated[
    str | None,
    typer.Option(
        metavar="STYLE",
        help="plain, alt (for alt text), hedged, or neutral (no gender, no age).  [default: plain; hedged when read aloud]",
        show_default=False,
    ),
]
Wav = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write what is read aloud to one WAV file instead.", show_default=False),
]
Regions = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Region features of the photos, for a model that reads those: a folder of .npz or .npy, a .tsv, an LMDB.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
SkipMissing = Annotated[
    bool,
    typer.Option(
        "--skip-missing",
        help="Leave out and count photos that are not on disk or have no captions, instead of stopping.",
    ),
]
Metrics = Annotated[
    str | None,
    typer.Option(metavar="NAME,...", help="Which metrics.  [default: those that need nothing but this package]"),
]


def chosen_metrics(metrics: str | None) -> list[str]:
    """The metrics that `--metrics` names, in their own spelling."""
    from pictell.metrics import METRICS, METRICS_BY_DEFAULT

    if metrics is None:
        return list(METRICS_BY_DEFAULT)
    known = {name.lower(): name for name in METRICS}
    names = [name.strip() for name in metrics.split(",")]
    for name in names:
        if name.lower() not in known:
            raise typer.BadParameter(f"no metric {name!r}: choose from {', '.join(METRICS)}", param_hint="--metrics")
    return list(dict.fromkeys(known[name.lower()] for name in names))
