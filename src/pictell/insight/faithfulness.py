"""Are explanations true? What becomes of a word when the places that it is said to come from are hidden."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pictell.captioner import Captioner
from pictell.data import CaptionedPhoto
from pictell.errors import PictellError
from pictell.insight.explaining import mapper
from pictell.insight.explanation import Method
from pictell.insight.grid import hide
from pictell.insight.looking import Looking, looking
from pictell.insight.spoken import Spoken, read, speak
from pictell.language import function_words
from pictell.metrics.significance import CorpusScore, intervals
from pictell.photos import prepare

HIDDEN = 5
"""Places of the grid that are hidden at once."""

_DRAWS = 4  # times that places are chosen at random for a photo


@dataclass(frozen=True)
class Faithfulness:
    """What `measure_faithfulness` found. Drops are of a content word's log-probability (nats), means over `words` of them.

    `drop` is with the `HIDDEN` places hidden that the word's map has highest, `other_drop` with those of another content
    word of the same caption, `random_drop` with as many random ones. `ratio` is `drop / random_drop`, `interval` its 95 %
    interval (bootstrap over photos): above 1, maps show where the words come from. Where `drop` is not above `other_drop`
    they do not tell which word comes from where.

    `looking` is how the decoder looked, `None` for one that attends to no grid. `failed` says by id which photos could not
    be opened, and why.
    """

    model: str
    method: Method
    photos: int
    words: int
    drop: float
    other_drop: float
    random_drop: float
    ratio: float
    interval: tuple[float, float]
    looking: Looking | None
    failed: dict[str, str]


def measure_faithfulness(
    captioner: Captioner,
    photos: Sequence[CaptionedPhoto],
    *,
    method: Method = "attention",
    seed: int = 0,
    on_result: Callable[[PictellError | None], None] | None = None,
) -> Faithfulness:
    """Hides in each photo what its words come from, in its mean colour, and reads the same words again.

    Content words are all but `pictell.language.function_words`. A photo that cannot be opened is left out and named in
    `failed`; `on_result` is told of each photo, with its error if it has one.

    Raises:
        PictellError: no photo is left whose caption has a content word, or what `pictell.insight.explain` raises.

    """
    maps_of = mapper(captioner, method)
    preprocessing = captioner.bundle.preprocessing
    function = function_words(captioner.bundle.vocabulary.language) or frozenset()
    random = np.random.default_rng(seed)
    failed: dict[str, str] = {}
    sums: list[list[float]] = []
    attention: list[NDArray[np.float32]] = []
    used = method
    for photo in photos:
        failure = None
        try:
            pixels = prepare(captioner.open(photo.path), preprocessing)
        except PictellError as error:
            failure = error
            failed[photo.id] = error.message
        else:
            spoken = speak(captioner, pixels)
            if spoken.attention is not None:
                attention.append(spoken.attention)
            maps, used = maps_of(pixels, spoken)
            content = [at for at, word in enumerate(spoken.words) if word not in function]
            if content:
                sums.append(_drops(captioner, pixels, spoken, maps, content, random))
        if on_result is not None:
            on_result(failure)
    if not sums:
        raise PictellError("no-words", "no photo has a caption with a content word: there is nothing to measure")
    found = np.array(sums)  # (photos, 5)
    drop, other, chance, words, with_others = found.sum(axis=0).tolist()
    ratio = CorpusScore(found[:, [0, 2]], lambda both: both[:, 0] / both[:, 1])
    return Faithfulness(
        model=captioner.model,
        method=used,
        photos=len(photos),
        words=int(words),
        drop=drop / words,
        other_drop=other / max(with_others, 1),
        random_drop=chance / words,
        ratio=ratio.value(),
        interval=intervals({"ratio": ratio})["ratio"],
        looking=looking(attention) if attention else None,
        failed=failed,
    )


def _drops(
    captioner: Captioner,
    pixels: NDArray[np.uint8],
    spoken: Spoken,
    maps: NDArray[np.float32],
    content: list[int],
    random: np.random.Generator,
) -> list[float]:
    """Of one photo, summed over its content words: the three drops, the words, and the words that there are others to."""
    places = maps[0].size
    own = np.argsort(-maps[content].reshape(len(content), places), axis=1, kind="stable")[:, :HIDDEN]  # (C, 5)
    chance = np.stack([random.permutation(places)[:HIDDEN] for _ in range(_DRAWS)])
    hidden = np.zeros((len(content) + _DRAWS, places), dtype=bool)
    np.put_along_axis(hidden, np.concatenate([own, chance]), True, axis=1)
    changed = np.stack([hide(pixels, each) for each in hidden.reshape(-1, *maps.shape[1:])])
    drops = (spoken.log_probs - read(captioner, changed, spoken))[:, content]  # (C + draws, C)
    count = len(content)
    by_word = drops[:count]  # (C, C): by the word whose places are hidden, and the word that is read
    others = (by_word.sum() - by_word.trace()) / (count - 1) if count > 1 else 0.0
    words = count if count > 1 else 0
    return [float(by_word.trace()), float(others), float(drops[count:].mean(axis=0).sum()), count, words]
