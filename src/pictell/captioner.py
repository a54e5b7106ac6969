"""The front door: a `Captioner` takes photos and gives captions."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from itertools import islice, repeat
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pictell.bundle import CALIBRATION, Bundle, find_bundle
from pictell.confidence import RUNNERS_UP, Calibration, evidence, why_no_photo
from pictell.decoding import Hypothesis, SearchOptions, beam_search
from pictell.engines import Engine
from pictell.errors import PhotoError, PictellError
from pictell.language import detokenise
from pictell.photos import MAX_PIXELS, Preprocessing, open_photo, prepare
from pictell.photos.colour import to_rgb
from pictell.types import Alternative, Caption, Photo, Word
from pictell.workers import Workers

PhotoSource: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO | NDArray[np.uint8] | Image.Image | Photo
"""A path, the bytes of a picture or a binary stream of them, an array (H, W, 3) uint8 RGB, a Pillow image, a `Photo`."""

BATCH_SIZE = 16
"""Photos in a batch where nothing else is asked for."""

# Readers wait for disks as much as they decode, so their number has little to do with that of the cores.
_READERS = 4
# Each thread keeps the network's intermediate results for its own batch in memory.
_MOST_THREADS = 8


def load(model: str | os.PathLike[str] | None = None, *, threads: int | None = None) -> Captioner:
    """A captioner with the model that comes with pictell, or the one named: an installed one or a bundle directory.

    `threads` (at least 1) is how many batches the captioner works on at once, each on one core; as many as there are
    cores, 8 at most, if `None`.

    Raises:
        BundleError: there is no such model, or a file of it is missing or altered.
        PictellError: `threads` is less than 1.

    """
    from pictell.engines.onnx import OnnxEngine

    bundle = find_bundle(model)
    return Captioner(
        bundle, OnnxEngine(bundle), threads=min(usable_cores(), _MOST_THREADS) if threads is None else threads
    )


def usable_cores() -> int:
    """The cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Captioner:
    """Says what is in photos, with one model. Any number of threads may call it at once.

    Of the options that its methods share, `beam` is the number of unfinished captions kept in the search (the bundle's
    own choice if `None`), `num` the number of different captions wanted for a photo, the best and its alternatives, and
    `max_words` (the bundle's choice if `None`) the most words of a caption. All are at least 1. What does not look like a
    photo gets no text but a reason, see `pictell.confidence.why_no_photo`; with `force` it is described all the same.
    """

    def __init__(
        self, bundle: Bundle, engine: Engine[Any, Any], *, threads: int = 1, max_pixels: int = MAX_PIXELS
    ) -> None:
        """`threads` is how many batches are worked on at once, `max_pixels` the largest width times height opened."""
        if threads < 1:
            raise PictellError("option", f"threads must be at least 1, not {threads}")
        self.bundle = bundle
        self.threads = threads
        self.engine = engine
        self.max_pixels = max_pixels
        self._tokens = bundle.vocabulary.tokens
        self._preprocessing = bundle.preprocessing
        self._calibration = Calibration.from_json(bundle.read(CALIBRATION)) if CALIBRATION in bundle.files else None
        # What a confidence is made of costs next to nothing where the search has it at hand.
        calibrated = self._calibration is not None
        self._generation = replace(bundle.generation, attention=calibrated, runners_up=RUNNERS_UP if calibrated else 0)

    @property
    def model(self) -> str:
        """`name@version` of the bundle."""
        return self.bundle.label

    def caption(
        self,
        photo: PhotoSource,
        *,
        beam: int | None = None,
        num: int = 1,
        max_words: int | None = None,
        force: bool = False,
    ) -> Caption:
        """The caption of one photo.

        Raises:
            PictellError: the photo cannot be opened, or an option is out of its range.

        """
        options = self._options(beam, num, max_words)
        return self._captions([self._read(photo)], options, force)[0]

    def caption_many(
        self,
        photos: Iterable[PhotoSource],
        *,
        beam: int | None = None,
        num: int = 1,
        max_words: int | None = None,
        force: bool = False,
        batch_size: int = BATCH_SIZE,
    ) -> list[Caption | PictellError]:
        """One caption, or the error that kept it from being made, for each photo, in their order; see `stream`."""
        return list(self.stream(photos, beam=beam, num=num, max_words=max_words, force=force, batch_size=batch_size))

    def stream(
        self,
        photos: Iterable[PhotoSource],
        *,
        beam: int | None = None,
        num: int = 1,
        max_words: int | None = None,
        force: bool = False,
        batch_size: int = BATCH_SIZE,
    ) -> Iterator[Caption | PictellError]:
        """As `caption_many`, each result handed out as soon as its batch and those before it are done.

        Batches of up to `batch_size` photos are worked on by several threads, each with a core of its own, while the photos of
        the next batch are read; only the pixels that the model sees are kept of them. `photos` is asked for the next
        ones by the caller's own thread, and no further ahead than that. A photo that cannot be opened gives its error in
        its place and nothing more. An interrupt, or closing the iterator, ends all threads within a batch's time.

        Raises:
            PictellError: an option is out of its range.

        """
        options = self._options(beam, num, max_words)
        if batch_size < 1:
            raise PictellError("option", f"batch_size must be at least 1, not {batch_size}")
        return self._stream(iter(photos), options, force, batch_size)

    def _stream(
        self, photos: Iterator[PhotoSource], options: SearchOptions, force: bool, batch_size: int
    ) -> Iterator[Caption | PictellError]:
        waiting: deque[Future[list[Caption | PictellError]]] = deque()
        sizes = self._batch_sizes(batch_size)
        # The readers are left first: what the network's threads still wait for is cancelled before they are waited for.
        with (
            Workers(self.threads, name="network", join=True) as network,
            Workers(_READERS, name="reader") as readers,
        ):

            def fill() -> None:
                # One more than can be worked on: its photos are read meanwhile.
                while len(waiting) <= self.threads and (
                    batch := [readers.submit(self._read, photo) for photo in islice(photos, next(sizes))]
                ):
                    waiting.append(network.submit(self._results, batch, options, force))

            fill()
            while waiting:
                results = waiting.popleft().result()
                # Before the results are handed out: there is no telling when the caller comes back.
                fill()
                yield from results

    def _batch_sizes(self, most: int) -> Iterator[int]:
        """The first batches are small: the first captions come soon, and few photos are shared out among all cores."""
        size = 2
        while size < most:
            yield from repeat(size, self.threads)
            size *= 2
        yield from repeat(most)

    def _results(
        self, batch: list[Future[NDArray[np.uint8]]], options: SearchOptions, force: bool
    ) -> list[Caption | PictellError]:
        read = [_outcome(future) for future in batch]
        captions = iter(self._captions([pixels for pixels in read if isinstance(pixels, np.ndarray)], options, force))
        return [outcome if isinstance(outcome, PictellError) else next(captions) for outcome in read]

    def _options(self, beam: int | None, num: int, max_words: int | None) -> SearchOptions:
        usual = self._generation
        max_words = usual.max_words if max_words is None else max_words
        try:
            return replace(
                usual,
                beam=usual.beam if beam is None else beam,
                num=num,
                max_words=max_words,
                min_words=min(usual.min_words, max(max_words, 0)),
            )
        except ValueError as error:
            raise PictellError("option", str(error)) from error

    def _read(self, source: PhotoSource) -> NDArray[np.uint8]:
        """The pixels that the model sees, (S, S, 3)."""
        return prepare(_opened(source, self._preprocessing, self.max_pixels), self._preprocessing)

    def _captions(self, pixels: list[NDArray[np.uint8]], options: SearchOptions, force: bool) -> list[Caption]:
        if not pixels:
            return []
        pictures = np.stack(pixels)
        reasons = [None] * len(pictures) if force else why_no_photo(pictures)
        photos = pictures[[reason is None for reason in reasons]]
        captions = iter(self._described(photos, options))
        return [
            next(captions) if reason is None else Caption(None, 0.0, self.model, reason=reason) for reason in reasons
        ]

    def _described(self, photos: NDArray[np.uint8], options: SearchOptions) -> list[Caption]:
        if not len(photos):
            return []
        found = beam_search(self.engine, self.engine.encode(photos), options)
        return [self._caption(hypotheses, options.num) for hypotheses in found]

    def _caption(self, hypotheses: list[Hypothesis], num: int) -> Caption:
        best = hypotheses[0]
        text = self._text(best)
        alternatives: dict[str, Alternative] = {}
        for other in hypotheses[1:num]:
            # Different tokens may read the same once they are joined.
            if (other_text := self._text(other)) != text:
                alternatives.setdefault(other_text, Alternative(other_text, other.log_prob))
        return Caption(
            text=text,
            log_prob=best.log_prob,
            model=self.model,
            words=tuple(
                Word(self._tokens[token], min(1.0, math.exp(log_prob)))
                for token, log_prob in zip(best.tokens, best.word_log_probs, strict=False)  # the end has one too
            ),
            alternatives=tuple(alternatives.values()),
            confidence=None
            if self._calibration is None
            else self._calibration.confidence(evidence(hypotheses[: 1 + RUNNERS_UP])),
        )

    def _text(self, hypothesis: Hypothesis) -> str:
        return detokenise([self._tokens[token] for token in hypothesis.tokens])


def _opened(source: PhotoSource, preprocessing: Preprocessing, max_pixels: int) -> Photo:
    if isinstance(source, Photo):
        return source
    if isinstance(source, np.ndarray):
        if source.ndim != 3 or source.shape[2] != 3 or source.dtype != np.uint8 or source.size == 0:
            what = f"an array of {source.dtype} with shape {source.shape}"
            raise PhotoError("not-a-photo", f"{what} is not a photo: (height, width, 3) uint8 is one")
        return Photo(source, width=source.shape[1], height=source.shape[0], format="array")
    if isinstance(source, Image.Image):
        try:
            pixels = np.asarray(to_rgb(ImageOps.exif_transpose(source)))
        except Exception as error:  # a lazily opened image is decoded here, and Pillow has no one family for what fails
            raise PhotoError("damaged", f"the given image cannot be decoded: {error}") from error
        return _opened(pixels, preprocessing, max_pixels)
    try:
        return open_photo(source, max_pixels=max_pixels, smallest_side=preprocessing.size)
    except TypeError as error:
        raise PhotoError("not-a-photo", str(error)) from error


def _outcome(future: Future[NDArray[np.uint8]]) -> NDArray[np.uint8] | PictellError:
    try:
        return future.result()
    except PictellError as error:
        return error
