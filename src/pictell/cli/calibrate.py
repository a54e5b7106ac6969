"""`pictell calibrate`: a model's confidence, fitted to photos with captions."""

from __future__ import annotations

from typing import Annotated

import typer

from pictell.cli.bar import Bar
from pictell.cli.options import Regions, SkipMissing, Threads
from pictell.cli.output import emit, say


def calibrate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The directory of a model, or an installed one.")],
    data: Annotated[
        str, typer.Option(metavar="KIND:FOLDER", help="The data set, such as flickr8k:data/flickr8k or coco:data/coco.")
    ],
    split: Annotated[
        str, typer.Option(metavar="SPLIT", help="Which of its splits; not photos that the model was trained on.")
    ] = "dev",
    regions: Regions = None,
    skip_missing: SkipMissing = False,
    threads: Threads = None,
) -> None:
    """Fit a model's confidence to photos with captions.

    It is kept in the model. Captions get a confidence then: the probability that a caption is acceptable, which is to say
    that its CIDEr-D is above the median of these photos. What comes out is measured on photos left out of the fit in their
    turn.
    """
    from pictell.calibrating import calibrate as fit
    from pictell.captioner import load
    from pictell.data import load_dataset

    captioner = load(model, threads=threads, regions=regions)
    photos = load_dataset(data, split, skip_missing=skip_missing, regions=captioner.regions, say=say)
    with Bar(len(photos)) as bar:
        found = fit(captioner, photos, data=data.partition(":")[0], split=split, on_photos=bar.reach)
    emit(
        f"{found.bundle.directory}: a caption is acceptable above {found.acceptable.metric} {found.acceptable.above:.3f}, "
        f"the median of {found.acceptable.photos} {split} photos; AUROC {found.auroc:.3f}, "
        f"calibration error {found.calibration_error:.3f}"
    )
