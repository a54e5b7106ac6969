"""The models that a service has, each loaded when it is needed and freed when it is not."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from threading import Lock

from pictell.captioner import Captioner, load
from pictell.errors import BundleError, MissingExtraError, OptionError
from pictell.server.about import about
from pictell.server.refusals import Refusal
from pictell.steering import CaptionOptions


class Model:
    """One model. Any number of threads may ask for its captioner and unload it at once.

    Whoever has the captioner goes on with it: unloading only lets go of it here, so its memory is free once the last caption
    that was begun with it is done.
    """

    def __init__(self, spec: str | None, *, threads: int | None, most_pixels: int) -> None:
        self.about = about(spec)
        self.label, self.name, self.language = self.about.label, self.about.name, self.about.language
        self.used_at = time.monotonic()
        self._threads = threads
        self._most_pixels = most_pixels
        self._lock = Lock()
        self._captioner: Captioner | None = None
        self._steps: dict[CaptionOptions, int] = {}

    @property
    def loaded(self) -> bool:
        """Whether its captioner is there without loading."""
        return self._captioner is not None

    def captioner(self) -> Captioner:
        """Its captioner, loaded by the calling thread where nobody did.

        Raises:
            Refusal: `model`, where it cannot be loaded any more; the cause is the `BundleError`.

        """
        self.used_at = time.monotonic()
        if (captioner := self._captioner) is not None:
            return captioner
        try:
            return self.load()
        except (BundleError, MissingExtraError) as error:
            # Where it lies and what is wrong with it is for those who run the service.
            raise Refusal("model", f"{self.label} cannot be loaded") from error

    def load(self) -> Captioner:
        """As `captioner`, for those who run the service.

        Raises:
            BundleError: it cannot be loaded.

        """
        with self._lock:
            if self._captioner is None:
                self.give(load(self.about.load, threads=self._threads))
            assert self._captioner is not None
            return self._captioner

    def give(self, captioner: Captioner) -> None:
        """Takes a captioner that was loaded elsewhere."""
        captioner.max_pixels = self._most_pixels
        self._captioner = captioner

    def unload(self) -> bool:
        """Lets go of the captioner; whether there was one."""
        with self._lock:
            captioner, self._captioner = self._captioner, None
        if captioner is None:
            return False
        del captioner
        gc.collect()
        _give_back_memory()
        return True

    def known_steps(self, options: CaptionOptions) -> int | None:
        """As `steps`, where these options were asked for before."""
        return self._steps.get(options)

    def steps(self, options: CaptionOptions) -> int:
        """What a caption may cost, see `Captioner.steps`; raises `OptionError` where this cannot be asked of the model.

        Loads the model where it has to.
        """
        if (steps := self._steps.get(options)) is None:
            steps = self.captioner().steps(options)
            if len(self._steps) > 1000:
                self._steps.clear()
            self._steps[options] = steps
        return steps


class Models:
    """All of them, by name."""

    def __init__(self, specs: Sequence[str | None], *, threads: int | None, most_pixels: int) -> None:
        self.all = [Model(spec, threads=threads, most_pixels=most_pixels) for spec in specs]
        self._by_name: dict[str, Model] = {}
        for model in self.all:
            for name in (model.label, model.name, *model.about.short):
                if self._by_name.setdefault(name.lower(), model) is not model and name == model.label:
                    raise OptionError(f"two models are {name}: serve one of them")

    @property
    def default(self) -> Model:
        """The one for requests that name none."""
        return self.all[0]

    def has(self, name: str) -> bool:
        """Whether a model has this name."""
        return name.lower() in self._by_name

    def find(self, name: str | None) -> Model:
        """The model of this name, with or without its version.

        Raises:
            Refusal: `unknown-model`, with the list of those there are.

        """
        if not name:
            return self.default
        if (model := self._by_name.get(name.lower())) is not None:
            return model
        there_are = ", ".join(model.label for model in self.all)
        raise Refusal("unknown-model", f"there is no model {name[:100]!r} here; there are: {there_are}")


def _give_back_memory() -> None:
    """Hands what was freed back to the system, where the C library can be asked to (glibc keeps it otherwise)."""
    import ctypes

    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError, TypeError):
        return
