"""From a photo to the places that its caption's words come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pictell.captioner import Captioner, PhotoSource
from pictell.confidence import why_no_photo
from pictell.engines.ensemble import EnsembleEngine
from pictell.errors import MissingExtraError, OptionError, PhotoError
from pictell.insight.explanation import METHODS, Explanation, Method
from pictell.insight.grid import SIDE
from pictell.insight.occlusion import occlusion_maps
from pictell.insight.spoken import Spoken, speak
from pictell.language import detokenise
from pictell.photos import Preprocessing, prepare
from pictell.photos.preparing import seen_part
from pictell.types import Photo

Maps: TypeAlias = Callable[[NDArray[np.uint8], Spoken], tuple[NDArray[np.float32], Method]]
"""From a prepared photo `(S, S, 3)` and its caption to a map for each word, `(T, G, G)`, and how they were made."""


def explain(
    captioner: Captioner, photo: PhotoSource, *, method: Method = "attention", force: bool = False
) -> Explanation:
    """Where in `photo` each word of its caption comes from, by one of three methods.

    `attention` shows where the decoder looked; it costs nothing beyond the caption. `occlusion` hides one place of the
    photo after the other and reads the same words again. `gradient` follows the words' log-probabilities back to the
    encoder's grid, which needs PyTorch (`pictell[train]`). A decoder that attends to no grid is explained by occlusion
    instead; the explanation says which method it is by. The caption is the one that `captioner.caption(photo)` gives.

    What does not look like a photo has no caption to explain; with `force` it is captioned all the same.

    Raises:
        PhotoError: the photo cannot be opened, or does not look like one.
        OptionError: there is no such method, or it is `gradient` and the captioner an ensemble.
        MissingExtraError: `gradient` needs what is not installed.
        BundleError: `gradient` needs weights that the bundle does not have.

    """
    maps_of = mapper(captioner, method)
    opened = captioner.open(photo)
    pixels = prepare(opened, captioner.bundle.preprocessing)  # (S, S, 3)
    reason = None if force else why_no_photo(pixels[None])[0]
    if reason is not None:
        raise PhotoError("withheld", f"{opened.path or 'the photo'}: {reason}, so there is no caption to explain")
    spoken = speak(captioner, pixels)
    maps, used = maps_of(pixels, spoken)
    return Explanation(
        photo=_seen(opened, captioner.bundle.preprocessing),
        text=detokenise(spoken.words),
        words=spoken.rated(),
        maps=maps,
        method=used,
        model=captioner.model,
        language=captioner.bundle.vocabulary.language,
    )


def mapper(captioner: Captioner, method: Method) -> Maps:
    """What makes the maps of any number of photos; raises what `explain` does about methods."""
    if method not in METHODS:
        raise OptionError(f"there is no method {method!r}: choose from {', '.join(METHODS)}")
    if method == "gradient":
        return _gradient(captioner)

    def maps(pixels: NDArray[np.uint8], spoken: Spoken) -> tuple[NDArray[np.float32], Method]:
        attention = spoken.attention
        if method == "attention" and attention is not None:
            return attention, "attention"
        side = SIDE if attention is None else attention.shape[1]
        return occlusion_maps(captioner, pixels, spoken, side), "occlusion"

    return maps


def _gradient(captioner: Captioner) -> Maps:
    if isinstance(captioner.engine, EnsembleEngine):
        raise OptionError("gradients are of one model: explain an ensemble by attention or occlusion")
    try:
        from pictell.insight.gradient import gradient_maps, load_model
    except ModuleNotFoundError as error:
        raise MissingExtraError("explaining by gradient", "train") from error
    model = load_model(captioner.bundle)
    start = captioner.bundle.generation.start
    return lambda pixels, spoken: (gradient_maps(model, start, pixels, spoken), "gradient")


def _seen(photo: Photo, preprocessing: Preprocessing) -> Photo:
    """The part of the photo that the model sees, to draw upon."""
    if preprocessing.fit != "crop":
        return photo
    left, top, right, bottom = seen_part(photo.pixels.shape[1], photo.pixels.shape[0], preprocessing)
    return replace(photo, pixels=photo.pixels[round(top) : round(bottom), round(left) : round(right)])
