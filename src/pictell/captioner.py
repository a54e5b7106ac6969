"""The front door: a `Captioner` takes photos and gives captions."""

from __future__ import annotations

import hashlib
import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, repeat
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pictell.bundle import CALIBRATION, Bundle, find_bundle
from pictell.confidence import RUNNERS_UP, Calibration, evidence, why_no_photo
from pictell.decoding import Hypothesis, Machine, SearchOptions, attention_maps, attention_of_words, search
from pictell.engines import Engine, SentenceEngine
from pictell.errors import BundleError, MissingExtraError, OptionError, PhotoError, PictellError
from pictell.language import Style, detokenise, in_style
from pictell.photos import MAX_PIXELS, Preprocessing, open_photo, open_prepared, prepare
from pictell.photos.colour import to_rgb
from pictell.regions import GivenRegions, Regions, RegionStore, open_regions
from pictell.steering import CaptionOptions
from pictell.types import Alternative, Caption, Photo, Word
from pictell.workers import Workers

PhotoSource: TypeAlias = (
    str | os.PathLike[str] | bytes | BinaryIO | NDArray[np.uint8] | Image.Image | Photo
    | Callable[[], str | os.PathLike[str] | bytes | BinaryIO]
)  # fmt: skip
"""A path, the bytes of a picture or a binary stream of them, an array (H, W, 3) uint8 RGB, a Pillow image, a `Photo`; or a
function that gives one of the first three, called by the thread that reads the photo."""

BATCH_SIZE = 16
"""Photos in a batch where nothing else is asked for."""

# Readers wait for disks as much as they decode, so their number has little to do with that of the cores.
_READERS = 4
# Each thread keeps the network's intermediate results for its own batch in memory.
_MOST_THREADS = 8


Model: TypeAlias = str | os.PathLike[str]


RegionSource: TypeAlias = "str | os.PathLike[str] | Mapping[str, Regions | NDArray[np.floating]]"
"""Where region features are, as `pictell.regions.open_regions` has them; or those of photos by id, at hand."""


def load(
    model: Model | Sequence[Model] | None = None, *, threads: int | None = None, regions: RegionSource | None = None
) -> Captioner:
    """A captioner with the model that comes with pictell, or the one named: an installed one, a bundle directory, or
    `hf:FOLDER` and `hf:OWNER/NAME` for a captioner of Hugging Face `transformers` in a folder or on the hub. `openvino:` before
    an installed one or a directory has it run by OpenVINO, with the same captions.

    Several models, in a sequence or separated by commas, are an ensemble: each word's probability is the mean of theirs.
    They need the same words and the same preprocessing; how to search is the first one's choice.

    A model that was trained on region features captions the photos whose features are at `regions`, see `RegionCaptioner`.

    `threads` (at least 1) is how many batches the captioner works on at once, each on one core; as many as there are
    cores, 8 at most, if `None`. A Hugging Face model works on one batch with so many cores.

    Raises:
        BundleError: there is no such model, a file of it is missing or altered, or several do not go together.
        MissingExtraError: transformers or OpenVINO, which the model asks for, is not installed.
        OptionError: `threads` is less than 1; or the model reads region features and none are given, or the reverse.
        DataError: there are no region features at `regions`.

    """
    threads = min(usable_cores(), _MOST_THREADS) if threads is None else threads
    models = models_named(model)
    if any(is_hugging_face(each) for each in models):
        if regions is not None:
            raise _looks_at_photos(", ".join(map(str, models)))
        return _sentence_captioner(models, threads)
    bundles = [bundle_named(each) for each in models]
    first = bundles[0]
    for bundle in bundles:
        if bundle.regions is None and regions is not None:
            raise _looks_at_photos(bundle.label)
        if bundle.regions is not None and regions is None:
            raise OptionError(
                f"{bundle.label} reads region features and sees no photo: say where they are, as in `pictell caption --regions "
                "PATH ID`, `pictell evaluate --regions PATH` or pictell.load(model, regions=PATH)"
            )
    store = None if regions is None else _region_store(regions)
    if len(bundles) == 1:
        return _captioner_of(first, _engine(models[0], first, threads), store, threads, None)
    from pictell.engines.ensemble import EnsembleEngine

    for bundle in bundles[1:]:
        if bundle.vocabulary.tokens != first.vocabulary.tokens:
            raise BundleError("ensemble", f"{bundle.label} has other words than {first.label}: they make no ensemble")
        if bundle.regions != first.regions or (store is None and bundle.preprocessing != first.preprocessing):
            raise BundleError(
                "ensemble", f"{bundle.label} sees photos otherwise than {first.label}: they make no ensemble"
            )
    name = "+".join(bundle.label for bundle in bundles)
    engines = [_engine(each, bundle, threads) for each, bundle in zip(models, bundles, strict=True)]
    return _captioner_of(first, EnsembleEngine(engines), store, threads, name)


def _engine(model: Model | None, bundle: Bundle, threads: int) -> Engine[Any, Any]:
    if is_openvino(model):
        from pictell.engines.openvino import OpenVinoEngine

        return OpenVinoEngine(bundle, at_once=max(1, threads))  # that threads are too few is told of the captioner's
    from pictell.engines.onnx import OnnxEngine

    return OnnxEngine(bundle)


def _captioner_of(
    bundle: Bundle, engine: Engine[Any, Any], store: RegionStore | None, threads: int, model: str | None
) -> Captioner:
    if store is None:
        return Captioner(bundle, engine, threads=threads, model=model)
    return RegionCaptioner(bundle, engine, store, threads=threads, model=model)


def _region_store(regions: RegionSource) -> RegionStore:
    return GivenRegions(regions) if isinstance(regions, Mapping) else open_regions(regions)


def _looks_at_photos(model: str) -> OptionError:
    return OptionError(f"{model} looks at photos and reads no region features: leave --regions out")


_HUGGING_FACE = "hf:"
_OPENVINO = "openvino:"


def is_hugging_face(model: Model | None) -> bool:
    """Whether this names a model of Hugging Face, `hf:FOLDER` or `hf:OWNER/NAME`."""
    return isinstance(model, str) and model.startswith(_HUGGING_FACE)


def is_openvino(model: Model | None) -> bool:
    """Whether this names a bundle for OpenVINO to run, `openvino:NAME` or `openvino:DIRECTORY`."""
    return isinstance(model, str) and model.startswith(_OPENVINO)


def bundle_named(model: Model | None) -> Bundle:
    """The bundle of a model that is none of Hugging Face's, whatever runs it; raises what `find_bundle` raises."""
    return find_bundle(model.removeprefix(_OPENVINO) if isinstance(model, str) else model)


def _sentence_captioner(models: Sequence[Model | None], threads: int) -> Captioner:
    if len(models) > 1:
        raise OptionError("a Hugging Face model gives whole sentences, and makes no ensemble: name it alone")
    if threads < 1:
        raise OptionError(f"threads must be at least 1, not {threads}")
    try:
        import pictell.engines.hf as hf
    except ImportError as error:  # PyTorch
        raise MissingExtraError(str(models[0]), "hf") from error
    return SentenceCaptioner(hf.HfEngine(str(models[0]).removeprefix(_HUGGING_FACE), threads=threads))


def models_named(model: Model | Sequence[Model] | None) -> Sequence[Model | None]:
    """The models that `load` makes one captioner of; `None` is the one that comes with pictell."""
    if isinstance(model, str) and "," in model and not os.path.isdir(model):  # noqa: PTH112  (a name may be too long)
        return model.split(",")
    if model is None or isinstance(model, str | os.PathLike):
        return [model]
    if not model:
        raise OptionError("an ensemble of no models says nothing: name one")
    return model


def usable_cores() -> int:
    """The cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class _Request:
    """What is asked of each photo of a call."""

    search: SearchOptions
    style: Style
    force: bool
    steered: bool
    features: bool
    attention: bool


class Captioner:
    """Says what is in photos, with one model. Any number of threads may call it at once.

    What may be asked of the captions is a `pictell.CaptionOptions`. Its fields may be given by name instead, or
    beside it: `captioner.caption("dog.jpg", must="dog", max_words=12)`. What does not look like a photo gets no text but a
    reason, see `pictell.confidence.why_no_photo`; with `force` it is described all the same.

    Captions have a confidence where the bundle has a calibration and nothing else is asked for than it was made with: none
    where the words are steered or drawn, or by several models.
    """

    regions: RegionStore | None = None
    """Where it reads region features of photos, if it never sees photos themselves."""

    def __init__(
        self,
        bundle: Bundle,
        engine: Engine[Any, Any],
        *,
        threads: int = 1,
        max_pixels: int = MAX_PIXELS,
        model: str | None = None,
    ) -> None:
        """`threads` is how many batches are worked on at once, `max_pixels` the largest width times height opened.

        `model` is what captions say they are by, the bundle's `name@version` if `None`. `encoder` tells whose features
        captions bring: only those of one encoder can be compared.
        """
        if threads < 1:
            raise OptionError(f"threads must be at least 1, not {threads}")
        self._bundle = bundle
        self.threads = threads
        self._engine = engine
        self.max_pixels = max_pixels
        self.model = bundle.label if model is None else model
        # Models with one encoder have the same features, whatever their decoders.
        encoder = bundle.files["encoder.onnx"].sha256 if bundle.regions is None else str(bundle.regions)
        self.encoder = encoder if model is None else model
        self._vocabulary = bundle.vocabulary
        self._preprocessing = bundle.preprocessing if bundle.regions is None else Preprocessing()
        # Of several models nobody has measured how often they are right.
        calibrated = CALIBRATION in bundle.files and model is None
        self._calibration = Calibration.from_json(bundle.read(CALIBRATION)) if calibrated else None
        # What a confidence is made of costs next to nothing where the search has it at hand.
        self._generation = replace(bundle.generation, attention=calibrated, runners_up=RUNNERS_UP if calibrated else 0)

    @property
    def bundle(self) -> Bundle:
        """The bundle of the model, or that of the first of several."""
        return self._bundle

    @property
    def engine(self) -> Engine[Any, Any]:
        """What runs the model."""
        return self._engine

    @property
    def language(self) -> str:
        """The language of the captions, `en`."""
        return self._bundle.vocabulary.language

    @property
    def beam(self) -> int:
        """The width of the search where nothing else is asked for."""
        return self._bundle.generation.beam

    @property
    def length_penalty(self) -> float:
        """What a search ranks captions with, see `pictell.decoding.SearchOptions`."""
        return self._bundle.generation.length_penalty

    @property
    def smallest_side(self) -> int:
        """The pixels that the shorter side of an opened photo needs at least."""
        return self._preprocessing.smallest_side

    def check(self, options: CaptionOptions) -> None:
        """Raises `OptionError` where this cannot be asked of this model; no photo is needed to tell."""
        self._request(options, {})

    def steps(self, options: CaptionOptions) -> int:
        """What the caption of a photo may cost: the unfinished captions that the search may have, times the words of one.

        Raises:
            OptionError: what is asked for cannot be.

        """
        wanted = self._request(options, {}).search
        rows = wanted.num if wanted.sampling else wanted.width * Machine(wanted.required).states
        return int(rows * wanted.max_words)

    def open(self, photo: PhotoSource) -> Photo:
        """The photo as it is opened before it is prepared for the model: upright, and no larger than need be.

        Raises:
            PhotoError: it cannot be opened.

        """
        return _opened(photo, self.smallest_side, self.max_pixels)

    def source(self, photo: str, file: Path) -> PhotoSource:
        """What to give for a photo that a data set calls `photo` and has at `file`: the file."""
        return file

    def read(self, photo: PhotoSource) -> Any:
        """What the model sees of a photo, and `describe` takes: pixels (S, S, 3), or what else an engine wants.

        Raises:
            PhotoError: it cannot be opened.

        """
        if callable(photo):
            photo = photo()
        if isinstance(photo, Photo | np.ndarray | Image.Image):
            return prepare(self.open(photo), self._preprocessing)
        try:
            return open_prepared(photo, self._preprocessing, max_pixels=self.max_pixels)
        except TypeError as error:
            raise PhotoError("not-a-photo", str(error)) from error

    def describe(
        self, read: Sequence[Any], options: CaptionOptions | None = None, **named: Any
    ) -> list[Caption | PictellError]:
        """What `caption` gives for each photo that was `read`, as one batch on the calling thread's core.

        For whoever makes batches of its own, of photos that come one at a time; others have `caption_many`.

        Raises:
            OptionError: what is asked for cannot be.

        """
        return self._captions(list(read), self._request(options, named))

    def caption(self, photo: PhotoSource, options: CaptionOptions | None = None, **named: Any) -> Caption:
        """The caption of one photo.

        Raises:
            PictellError: the photo cannot be opened, or there is no caption as it is asked for.
            OptionError: what is asked for cannot be.

        """
        request = self._request(options, named)
        caption = self._captions([self.read(photo)], request)[0]
        if isinstance(caption, PictellError):
            raise caption
        return caption

    def caption_many(
        self,
        photos: Iterable[PhotoSource],
        options: CaptionOptions | None = None,
        *,
        batch_size: int = BATCH_SIZE,
        **named: Any,
    ) -> list[Caption | PictellError]:
        """One caption, or the error that kept it from being made, for each photo, in their order; see `stream`."""
        return list(self.stream(photos, options, batch_size=batch_size, **named))

    def stream(
        self,
        photos: Iterable[PhotoSource],
        options: CaptionOptions | None = None,
        *,
        batch_size: int = BATCH_SIZE,
        **named: Any,
    ) -> Iterator[Caption | PictellError]:
        """As `caption_many`, each result handed out as soon as its batch and those before it are done.

        Batches of up to `batch_size` photos are worked on by several threads, each with a core of its own, while the photos of
        the next batch are read; only the pixels that the model sees are kept of them. `photos` is asked for the next
        ones by the caller's own thread, and no further ahead than that. A photo that cannot be opened gives its error in
        its place and nothing more. An interrupt, or closing the iterator, ends all threads within a batch's time.

        Raises:
            OptionError: what is asked for cannot be.

        """
        request = self._request(options, named)
        if batch_size < 1:
            raise OptionError(f"batch_size must be at least 1, not {batch_size}")
        return self._stream(iter(photos), request, batch_size)

    def _stream(self, photos: Iterator[PhotoSource], request: Any, batch_size: int) -> Iterator[Caption | PictellError]:
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
                    batch := [readers.submit(self.read, photo) for photo in islice(photos, next(sizes))]
                ):
                    waiting.append(network.submit(self._results, batch, request))

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

    def _results(self, batch: list[Future[Any]], request: Any) -> list[Caption | PictellError]:
        read = [_outcome(future) for future in batch]
        captions = iter(self._captions([seen for seen in read if not isinstance(seen, PictellError)], request))
        return [outcome if isinstance(outcome, PictellError) else next(captions) for outcome in read]

    def _request(self, options: CaptionOptions | None, named: dict[str, Any]) -> Any:
        asked = replace(options or CaptionOptions(), **named)
        search_options = asked.for_search(self._generation, self.bundle.vocabulary)
        if asked.attention:
            search_options = replace(search_options, attention=True)
        return _Request(search_options, asked.style, asked.force, asked.steers, asked.features, asked.attention)

    def _captions(self, read: list[Any], request: Any) -> list[Caption | PictellError]:
        if not read:
            return []
        pictures = np.stack(read)
        reasons = [None] * len(pictures) if request.force else why_no_photo(pictures)
        captions = iter(self._described(pictures[[reason is None for reason in reasons]], request))
        return [
            next(captions) if reason is None else Caption(None, 0.0, self.model, reason=reason) for reason in reasons
        ]

    def _described(self, photos: NDArray[np.uint8], request: _Request) -> list[Caption | PictellError]:
        if not len(photos):
            return []
        # Samples depend on the photo, not on its place or company.
        numbers = [_number(each) for each in photos] if request.search.sampling else None
        memory = self.engine.encode(photos)
        found = search(self.engine, memory, request.search, numbers)
        features = self.engine.features(memory) if request.features else repeat(None, len(photos))
        return [
            replace(in_style(self._caption(hypotheses, request), request.style), features=seen)
            if hypotheses
            else PictellError("no-caption", "no caption is as asked for: ask for less, or allow more words")
            for hypotheses, seen in zip(found, features, strict=True)
        ]

    def _caption(self, hypotheses: list[Hypothesis], request: _Request) -> Caption:
        best = hypotheses[0]
        text = self._text(best)
        alternatives: dict[str, Alternative] = {}
        for other in hypotheses[1 : request.search.num]:
            # Different tokens may read the same once they are joined.
            if (other_text := self._text(other)) != text:
                alternatives.setdefault(other_text, Alternative(other_text, other.log_prob))
        return Caption(
            text=text,
            log_prob=best.log_prob,
            model=self.model,
            words=tuple(self._words(best)),
            alternatives=tuple(alternatives.values()),
            confidence=None
            if self._calibration is None or request.steered
            else self._calibration.confidence(evidence(hypotheses[: 1 + RUNNERS_UP])),
            attention=self._attention(best) if request.attention else None,
        )

    def _text(self, hypothesis: Hypothesis) -> str:
        return detokenise(self._vocabulary.to_words(hypothesis.tokens))

    def _attention(self, hypothesis: Hypothesis) -> NDArray[np.float32] | None:
        """Where the decoder looked for each word, (T, G, G)."""
        if hypothesis.attention is None:
            return None
        pieces = [tokens for _, tokens in self._vocabulary.spell(hypothesis.tokens)]
        return attention_maps(hypothesis.attention, pieces)

    def _words(self, hypothesis: Hypothesis) -> Iterator[Word]:
        log_probs = iter(hypothesis.word_log_probs)  # the end has one too
        for word, tokens in self._vocabulary.spell(hypothesis.tokens):
            yield Word(word, min(1.0, math.exp(sum(islice(log_probs, tokens)))))


@dataclass(frozen=True)
class _Named:
    """A photo of a data set by its id there, and where its file is or would be."""

    id: str
    file: Path


class RegionCaptioner(Captioner):
    """A captioner that reads region features of photos and never sees these; `load(..., regions=...)` makes one.

    Photos are named by id, or by a path of which the file's name counts; `Regions` themselves will do as well. The attention
    of its captions is (T, R), one number for each of a photo's R regions, whose boxes `regions.read(id).boxes` tells.
    """

    regions: RegionStore

    def __init__(
        self,
        bundle: Bundle,
        engine: Engine[Any, Any],
        regions: RegionStore,
        *,
        threads: int = 1,
        model: str | None = None,
    ) -> None:
        """`regions` are of the photos that may be asked for."""
        super().__init__(bundle, engine, threads=threads, model=model)
        assert bundle.regions is not None
        self.regions = regions
        self._reads = bundle.regions

    def open(self, photo: PhotoSource | Regions) -> Photo:
        """There is no photo: raises `OptionError`."""
        raise OptionError(f"{self.model} reads region features, and has no photos to open")

    def source(self, photo: str, file: Path) -> Any:
        """What to give for a photo that a data set calls `photo` and has at `file`: both."""
        return _Named(photo, file)

    def read(self, photo: PhotoSource | Regions | _Named) -> Any:
        """A photo's regions as the model reads them, (R, D) float32.

        Raises:
            RegionError: there are none of this photo, or they are damaged or do not fit the model.

        """
        if isinstance(photo, Regions):
            return self._reads.fit(GivenRegions({"these": photo}).read("these"), "these")
        if isinstance(photo, _Named):
            return self._reads.fit(self.regions.read(photo.id, photo.file), photo.id)
        if not isinstance(photo, str | os.PathLike):
            raise OptionError(
                f"{self.model} reads region features: name a photo by its id, not by {type(photo).__name__}"
            )
        name = os.fspath(photo)
        return self._reads.fit(self.regions.read(name, Path(name)), name)

    def _captions(self, read: list[Any], request: Any) -> list[Caption | PictellError]:
        return self._described(np.stack(read), request) if read else []  # nobody can tell what is no photo

    def _described(self, photos: NDArray[Any], request: _Request) -> list[Caption | PictellError]:
        captions = super()._described(photos, request)
        if not request.attention:
            return captions
        # Without the rows that fill up, which are those after the last region.
        counts = [1 + int(np.flatnonzero(rows.any(axis=1))[-1]) for rows in photos]
        return [
            replace(caption, attention=caption.attention[:, :count])
            if isinstance(caption, Caption) and caption.attention is not None
            else caption
            for caption, count in zip(captions, counts, strict=True)
        ]

    def _attention(self, hypothesis: Hypothesis) -> NDArray[np.float32] | None:
        """Where the decoder looked for each word, (T, R)."""
        if hypothesis.attention is None:
            return None
        pieces = [tokens for _, tokens in self._vocabulary.spell(hypothesis.tokens)]
        return attention_of_words(hypothesis.attention, pieces)


@dataclass(frozen=True, eq=False)
class _Seen:
    """A photo as the detector sees it, (S, S, 3) uint8, and as the model does, (3, S, S) float32."""

    pixels: NDArray[np.uint8]
    picture: NDArray[np.float32]


class SentenceCaptioner(Captioner):
    """A captioner whose engine only gives whole sentences, such as a Hugging Face model; `load("hf:...")` makes one.

    It has no bundle and no search that could be looked into: what needs them is refused with an `OptionError`. Its captions
    have no confidence.
    """

    def __init__(self, engine: SentenceEngine, *, max_pixels: int = MAX_PIXELS) -> None:
        self._sentences = engine
        self.threads = 1  # the engine uses all cores for a batch
        self.max_pixels = max_pixels
        self.model = engine.label

    @property
    def bundle(self) -> Bundle:
        """There is none: raises `OptionError`."""
        raise self._refusal()

    @property
    def engine(self) -> Engine[Any, Any]:
        """There is none that goes word by word: raises `OptionError`."""
        raise self._refusal()

    def _refusal(self) -> OptionError:
        return OptionError(
            f"{self.model} only gives whole sentences: this looks at a model word by word, and needs one of pictell's own"
        )

    @property
    def language(self) -> str:
        """The language of the captions, `en`."""
        return self._sentences.language

    @property
    def beam(self) -> int:
        """The width of the search where nothing else is asked for."""
        return self._sentences.beam

    @property
    def length_penalty(self) -> float:
        """The engine's own."""
        return self._sentences.length_penalty

    @property
    def smallest_side(self) -> int:
        """The pixels that the shorter side of an opened photo needs at least."""
        return self._sentences.smallest_side

    @cached_property
    def encoder(self) -> str:  # type: ignore[override]  # a hash of hundreds of megabytes, made when it is asked for
        """Tells whose features captions bring."""
        return self._sentences.encoder

    def _request(self, options: CaptionOptions | None, named: dict[str, Any]) -> Any:
        asked = replace(options or CaptionOptions(), **named)
        if asked.style != "plain" and self.language != "en":
            raise OptionError(f"style {asked.style} is for English, the model's language is {self.language}")
        self._sentences.check(asked)
        return asked

    def steps(self, options: CaptionOptions) -> int:
        """What the caption of a photo may cost: the unfinished captions at a time, times the pieces of words of one."""
        self.check(options)
        return self._sentences.steps(options)

    def read(self, photo: PhotoSource) -> Any:
        """A photo as the detector sees it and as the model does, by the model's own preprocessing."""
        opened = self.open(photo)
        return _Seen(prepare(opened, Preprocessing()), self._sentences.look(opened.pixels))

    def _captions(self, read: list[Any], request: Any) -> list[Caption | PictellError]:
        if not read:
            return []
        reasons = [None] * len(read) if request.force else why_no_photo(np.stack([seen.pixels for seen in read]))
        shown = [seen.picture for seen, reason in zip(read, reasons, strict=True) if reason is None]
        captions = iter(self._sentences.generate(shown, request))
        return [
            in_style(next(captions), request.style) if reason is None else Caption(None, 0.0, self.model, reason=reason)
            for reason in reasons
        ]


def _opened(source: PhotoSource, smallest_side: int, max_pixels: int) -> Photo:
    if isinstance(source, Photo):
        return source
    if callable(source):
        source = source()
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
        return _opened(pixels, smallest_side, max_pixels)
    try:
        return open_photo(source, max_pixels=max_pixels, smallest_side=smallest_side)
    except TypeError as error:
        raise PhotoError("not-a-photo", str(error)) from error


def _number(pixels: NDArray[np.uint8]) -> int:
    """The same number for the same pixels, and hardly ever for others."""
    return int.from_bytes(hashlib.sha256(pixels.tobytes()).digest()[:8], "little")


def _outcome(future: Future[Any]) -> Any:
    """What was read, or the error that kept it from being read."""
    try:
        return future.result()
    except PictellError as error:
        return error
