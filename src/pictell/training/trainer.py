"""The training loop: phases of cross-entropy or SCST, validation by CIDEr-D, checkpoints from which a killed run goes on.

Everything random in a step follows from the seed and the step's number, so a resumed run on a CPU ends with the very weights
of an unbroken one.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pictell.data import CaptionedPhoto
from pictell.decoding import SearchOptions, beam_search
from pictell.engines.torch import TorchEngine
from pictell.errors import PhotoError, RecipeError
from pictell.files import write_atomically
from pictell.language import Vocabulary, detokenise
from pictell.language.vocabulary import PAD, SPECIAL
from pictell.metrics import METRICS_BY_DEFAULT, score
from pictell.models import CaptioningModel, build_model
from pictell.models.decoders.gpt2_prefix import GPT2Prefix
from pictell.models.decoders.gpt2_weights import load_gpt2
from pictell.models.decoders.hard_attention import HardAttention
from pictell.models.encoders.base import Encoder
from pictell.photos import Preprocessing, open_photo, prepare
from pictell.regions import open_regions
from pictell.training.checkpoint import load_checkpoint, save_checkpoint
from pictell.training.events import Events
from pictell.training.examples import Batch, Epoch, ahead, batches, load_examples, load_split
from pictell.training.features import encoder_features, progress_bar
from pictell.training.kept_photos import KeptPhotos
from pictell.training.losses import caption_loss, read_own_words
from pictell.training.new_words import grown, with_new_words
from pictell.training.processes import Processes
from pictell.training.recipe import Phase, Recipe, recipe_of
from pictell.training.recorded_step import Inputs, RecordedStep, can_record
from pictell.training.region_photos import RegionPhotos, check_recipe, photos_of
from pictell.training.report import columns, draw_curves, table
from pictell.training.self_critical import SelfCriticalLoss
from pictell.training.subwords import learn_subwords
from pictell.training.teachers import Teachers

log = logging.getLogger("pictell.training")

# Settings that change how long a run takes, not what comes of it but for chance: a recorded step drops other values out.
_HOW = ("checkpoint_minutes", "workers", "record_steps")

Features = list[list[NDArray[np.float16]]]
"""Cached features `(N, R, D)` of the training photos: of the model's encoder and then each teacher's, each view by view."""


@dataclass
class Position:
    """Where a run is: everything that a checkpoint records beside tensors; `seconds` are those spent on what is in it."""

    phase: int = 0
    epoch: int = 0
    batch: int = 0
    step: int = 0
    epochs_done: int = 0
    best: float = -1.0
    stale: int = 0
    loss_sum: float = 0.0
    words: int = 0
    reward_sum: float = 0.0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


class Trainer:
    """Runs a recipe in `out`; a run that finds its own `last.safetensors` there goes on from it.

    Writes `log.txt`, `epochs.csv`, `vocabulary.json`, `last.safetensors` (to go on from), `best.safetensors` (the averaged
    weights with the best dev CIDEr-D, those that it began with among them) and, in the end, `curves.png`. Raises `RecipeError`
    or `DataError` for a recipe that cannot run.
    """

    def __init__(self, recipe: Recipe, out: Path) -> None:
        self.recipe = recipe
        self.out = out
        self.processes = Processes()
        self.device = self.processes.device
        out.mkdir(parents=True, exist_ok=True)
        _log_to(out / "log.txt" if self.processes.first else None)
        check_recipe(recipe)
        self._same_recipe()
        store = open_regions(recipe.data.regions) if recipe.data.regions else None
        self.examples = load_examples(recipe.data, log.info, store)
        self.dev = load_split(recipe.data, recipe.data.dev, log.info, store)
        captions = [caption for example in self.examples for caption in example.captions]
        if recipe.model.start_from:
            if not Path(recipe.model.start_from).is_file():
                raise RecipeError("missing", f"model.start_from: there is no file {recipe.model.start_from}")
            # Weights know their words by number, so the words come with the weights.
            self.vocabulary = Vocabulary.load(Path(recipe.model.start_from).with_name("vocabulary.json"))
            if recipe.model.new_words:
                known = len(self.vocabulary)
                self.vocabulary = with_new_words(self.vocabulary, captions, min_count=recipe.data.min_count)
                log.info("new words: %s", ", ".join(self.vocabulary.tokens[known:]) or "none")
        else:
            if recipe.data.bpe_size is None:
                self.vocabulary = Vocabulary.build(captions, min_count=recipe.data.min_count)
            else:
                self.vocabulary = learn_subwords(captions, size=recipe.data.bpe_size, min_count=recipe.data.min_count)
        self._can_run()
        if not self._epochs_differ:
            log.info(
                "CIDEr-D of one dev photo is always 0, and says of no epoch that it is better: the last one's weights count"
            )
        if self.processes.first:
            write_atomically(out / "vocabulary.json", self.vocabulary.to_json())
        torch.manual_seed(recipe.seed)
        self.model = build_model(asdict(recipe.model), len(self.vocabulary))
        if recipe.model.weights:
            self.model.encoder.load_pretrained(Path(recipe.model.weights))
        if recipe.model.language_model:
            self._begin_language_model(Path(recipe.model.language_model))
        self.regions: RegionPhotos | None = None
        if store is not None:
            self.regions = photos_of(store, self.model, [example.photo for example in self.examples])
        self.preprocessing = Preprocessing() if self.regions else self.model.encoder.preprocessing
        self.model.to(self.device)
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.at = Position()
        self.clock = time.monotonic()
        self.optimiser: torch.optim.AdamW
        self.self_critical: SelfCriticalLoss | None = None
        self.teachers: Teachers | None = None
        self.kept: KeptPhotos | None = None
        self.recorded: RecordedStep | None = None
        self.skipped: set[str] = set()
        self.events: Events | None = None
        log.info(
            "%d %s; %.1f M weights; %s", len(self.vocabulary), self.vocabulary.unit, _millions(self.model), self.device
        )

    def run(self) -> Path:
        """Trains all phases and gives the path of the best weights."""
        self._begin()
        if self.recipe.tensorboard and self.processes.first:
            self.events = Events(self.out / "events", self._steps_done)
        self.clock = time.monotonic()
        self.processes.wait()  # until all have looked for a checkpoint, before the first process may write one
        trained = self.recipe.model.start_from and not self.recipe.model.encoder_only
        if trained and self._epochs_differ and self.at == Position():
            self._score_start()
        while self.at.phase < len(self.recipe.phases):
            phase = self._phase
            while self.at.epoch < phase.epochs and self.at.stale < self.recipe.patience:
                self._train_epoch(phase)
                self._end_epoch(phase)
            self.at.phase += 1
            self.at.epoch = self.at.batch = self.at.step = self.at.stale = 0
            if self.at.phase < len(self.recipe.phases):
                # A new phase goes on from the best averaged weights, not from where the last one wore out.
                self.processes.wait()
                if self.at.best >= 0:
                    best = self.out / "best.safetensors"
                    self._load_weights(load_checkpoint(best)[0], best)
                if self._phase.round_weights and not phase.round_weights:
                    self.at.best = -1.0  # what only works without rounding is no rival
                self._prepare_phase()
                self._save()
        if self.skipped:
            log.warning("%d photos could not be read and were skipped", len(self.skipped))
        best = self.out / "best.safetensors"
        if self.at.history and self.processes.first:
            log.info("%s", table(self.at.history, self.at.best))
            draw_curves(self.at.history, self.out / "curves.png")
            if self.at.history[0]["epoch"] == 0 and load_checkpoint(best)[1]["dev"]["epoch"] == 0:
                log.warning("no epoch was better than the model that the run began with, which is kept")
        reached = f"best dev CIDEr-D {self.at.best:.4f}" if self._epochs_differ else "the last epoch's weights"
        log.info("%s after %.1f minutes in all: %s", reached, self.at.seconds / 60, best)
        self.processes.leave()
        return best

    def _begin_language_model(self, folder: Path) -> None:
        if not isinstance(self.model.decoder, GPT2Prefix):
            raise RecipeError("unknown-setting", "model.language_model is for the decoder gpt2_prefix alone")
        load_gpt2(self.model.decoder, folder, self.vocabulary.tokens)

    def _skipped(self, message: str) -> None:
        """Names a photo that could not be read, once."""
        if message not in self.skipped:
            self.skipped.add(message)
            log.warning("%s", message)

    # -- one epoch ------------------------------------------------------------------------------------------------

    def _train_epoch(self, phase: Phase) -> None:
        recipe = self.recipe
        frozen = self._cached(phase)
        photos = [example.photo for example in self.examples]
        features: Features | None = None
        if frozen:
            if not self.processes.first:
                self.processes.wait()
            lookers = [self.model, *(self.teachers.models if self.teachers else [])]
            features = [
                [self._features(photos, "train", view, model.encoder) for view in range(phase.views)]
                for model in lookers
            ]
            if self.processes.first:
                self.processes.wait()
        elif recipe.keep_photos and self.kept is None:
            self.kept = KeptPhotos([photo.path for photo in photos], self.preprocessing, self.device, self._skipped)
        epoch = Epoch(
            self.examples,
            self.vocabulary,
            seed=recipe.seed,
            number=self.at.epochs_done,
            batch_size=recipe.batch_size,
            captions=phase.captions,
            preprocessing=None if frozen else self.preprocessing,
            augmentation=recipe.augmentation,
            views=phase.views,
            share=(self.processes.rank, self.processes.count),
            missing=frozenset(self.kept.missing) if self.kept else None,
            regions=self.regions,
        )
        # Where features are cached there is nothing to do that would be worth a process.
        workers = 0 if frozen else recipe.workers
        source = batches(epoch, first=self.at.batch, workers=workers, say=self._skipped)
        self.model.train()
        saved = time.monotonic()
        with progress_bar(hidden=not self.processes.first) as progress:
            bar = progress.add_task(
                f"{phase.name} {self.at.epoch + 1}/{phase.epochs}", total=self._batches, completed=self.at.batch
            )
            for batch in ahead(source):
                self._set_rates(phase)
                self._step(batch, features)
                self.at.batch += 1
                self.at.step += 1
                progress.update(bar, advance=1)
                if time.monotonic() - saved > 60 * recipe.checkpoint_minutes:
                    self._save()
                    saved = time.monotonic()

    def _step(self, batch: Batch, features: Features | None) -> None:
        """One step of the optimiser on this process's share of a batch, read in pieces."""
        pieces = [
            self._seen(batch.only(slice(number, None, self.recipe.pieces)), features)
            for number in range(self.recipe.pieces)
        ]
        counts = [(len(piece.indices), int((piece.predict != PAD).sum())) for piece, _ in pieces]
        photos, words = self.processes.total([sum(column) for column in zip(*counts, strict=True)])
        if not photos:
            return  # not one of its photos could be read
        self.optimiser.zero_grad(set_to_none=True)
        losses = rewards = 0.0
        for number, ((piece, seen), (its_photos, its_words)) in enumerate(zip(pieces, counts, strict=True)):
            # Of this piece alone, so that it draws the same in whichever process it is.
            place = self.processes.rank + self.processes.count * number
            torch.manual_seed(hash((self.recipe.seed, self.at.epochs_done, self.at.batch, place)) % 2**31)
            if its_photos:
                loss, reward = self._backward(piece, seen, its_photos / photos, its_words / words)
                losses, rewards = losses + loss * its_words, rewards + reward * its_photos / photos
        self.processes.sum_gradients(self._trained())
        norm = torch.nn.utils.clip_grad_norm_(self._trained(), self.recipe.clip)
        if not torch.isfinite(norm):
            kept = f"; the last checkpoint in {self.out} is from before" if self._last.exists() else ""
            raise RecipeError(
                "not-a-number",
                f"the gradient is {norm.item()} at step {self.at.step + 1} of phase {self._phase.name!r}: lower the "
                f"phase's lr{kept}",
            )
        self.optimiser.step()
        losses, rewards = self.processes.total([losses, rewards])
        self.at.loss_sum += losses
        self.at.reward_sum += rewards
        self.at.words += round(words)
        if self.events:
            self._tell_step(losses / words, rewards)
        # A young average follows closely, so that it is not weighed down by random first weights.
        decay = min(self.recipe.ema, (1 + self.at.step) / (10 + self.at.step))
        with torch.no_grad():
            weights = self.model.state_dict()
            torch._foreach_lerp_([self.average[name] for name in weights], list(weights.values()), 1 - decay)

    def _tell_step(self, loss: float, reward: float) -> None:
        assert self.events is not None
        values = {"train/loss": loss, "train/lr": self.optimiser.param_groups[0]["lr"]}
        if self.self_critical is not None:
            values["train/reward"] = reward
        self.events.numbers(self._steps_done, values)

    def _seen(self, batch: Batch, features: Features | None) -> tuple[Batch, list[NDArray[np.float16]]]:
        """The batch's photos that could be read, with their features `(B, R, D)` where those are cached: for the model,
        then for each teacher."""
        if features is None or not len(batch.indices):
            return batch, []
        pairs = list(zip(batch.views, batch.indices, strict=True))
        seen = [np.stack([views[view][index] for view, index in pairs]) for views in features]
        readable = _readable(seen[0])
        return batch.only(readable), [theirs[readable] for theirs in seen]

    def _backward(
        self, batch: Batch, seen: Sequence[NDArray[np.float16]], photos_share: float, words_share: float
    ) -> tuple[float, float]:
        """Adds the gradients of a piece that has these shares of the step's photos and words; its loss and reward."""
        inputs, reward = self._inputs(batch, seen), 0.0
        if self._repeats(batch):
            if self.recorded is None:
                self.recorded = RecordedStep(self._cross_entropy, inputs, self._trained())
            return self.recorded(inputs), reward
        with self._precision():
            grid, taught_grids = self._look(inputs)
            loss = self._caption_loss(grid, taught_grids, inputs["read"], inputs["predict"])
            cross_entropy = loss.item()
            loss = words_share * loss
            if self.self_critical is not None:
                criticised, reward = self.self_critical(self.model.decoder, grid, batch.indices, batch.mirrored)
                share = self.self_critical.settings.cross_entropy
                # How many words will have been drawn in all is not known yet, so that photos count instead.
                loss = (1 - share) * photos_share * criticised + share * loss
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        return cross_entropy, reward

    def _inputs(self, batch: Batch, seen: Sequence[NDArray[np.float16]]) -> Inputs:
        """What a batch's loss is computed from, on the device: words `(B, K, T)`, and of its photos what is at hand, features
        or pixels or which of those kept to change how."""
        arrays: dict[str, NDArray[Any]] = {"read": batch.read, "predict": batch.predict}
        if self._repeats(batch):
            room = self.vocabulary.most_tokens(self.recipe.data.max_words) + 1 - batch.read.shape[2]
            arrays = {name: np.pad(words, [(0, 0), (0, 0), (0, room)]) for name, words in arrays.items()}  # PAD is 0
        if batch.changes is not None:
            arrays |= {"indices": batch.indices, "changes": batch.changes}
        elif batch.pixels is not None:
            arrays["pixels"] = batch.pixels
        else:
            arrays |= {f"grid{number}": grid for number, grid in enumerate(seen)}
        return {name: torch.from_numpy(array).to(self.device) for name, array in arrays.items()}

    def _repeats(self, batch: Batch) -> bool:
        """Whether the step is one that a GPU can repeat: of the full size, and with nothing in it that depends on values."""
        return (
            self.recipe.record_steps
            and can_record(self.device)
            and self.processes.count == self.recipe.pieces == 1
            and len(batch.indices) == self.recipe.batch_size
            and self.self_critical is None
            and not self._phase.scheduled_sampling
            and not isinstance(self.model.decoder, HardAttention)
        )

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bf16")

    def _cross_entropy(self, inputs: Inputs) -> Tensor:
        with self._precision():
            return self._caption_loss(*self._look(inputs), inputs["read"], inputs["predict"])

    def _look(self, inputs: Inputs) -> tuple[Tensor, list[Tensor]]:
        """The photos as the model sees them, `(B, R, D)`, and as each teacher does."""
        if "grid0" in inputs:
            grid, *taught = (inputs[f"grid{number}"].float() for number in range(len(inputs) - 2))
            return grid, taught
        if "pixels" in inputs:
            pixels = inputs["pixels"]
        else:
            assert self.kept is not None
            pixels = self.kept.changed(inputs["indices"], inputs["changes"])
        return self.model.encoder(pixels), self.teachers.look(pixels) if self.teachers else []

    def _caption_loss(self, grid: Tensor, taught_grids: Sequence[Tensor], read: Tensor, predict: Tensor) -> Tensor:
        phase = self._phase
        if phase.scheduled_sampling:
            share = phase.scheduled_sampling * min(self.at.step / self._steps, 1.0)
            read = read_own_words(self.model.decoder, grid, read, share)
        return caption_loss(
            self.model.decoder,
            grid,
            read,
            predict,
            self.recipe.label_smoothing,
            self.recipe.attention_penalty,
            self.teachers.predict(taught_grids, read, predict != PAD) if self.teachers else None,
            phase.distillation.share if phase.distillation else 0.0,
        )

    def _score_start(self) -> None:
        """The model that a run goes on from is its first best, so that no run ends worse than it began."""
        self._record({"phase": self._phase.name, "epoch": 0, "loss": "", "reward": ""}, due=True)

    def _end_epoch(self, phase: Phase) -> None:
        if not self.at.words:
            raise RecipeError("no-photos", "not one of the training photos could be read: see in the log why")
        loss = round(self.at.loss_sum / self.at.words, 4)
        reward = round(self.at.reward_sum / max(self.at.batch, 1), 4) if phase.self_critical else ""
        self.at.epoch += 1
        self.at.epochs_done += 1
        self.at.batch = 0
        self.at.loss_sum, self.at.words, self.at.reward_sum = 0.0, 0, 0.0
        due = self.at.epoch % self.recipe.validate_every == 0 or self.at.epoch == phase.epochs
        self._record({"phase": phase.name, "epoch": self.at.epoch, "loss": loss, "reward": reward}, due)

    def _record(self, row: dict[str, Any], due: bool) -> None:
        """Adds a row to the epochs, with dev scores if they are due, keeps the weights if these are the best, and saves."""
        phase = self._phase
        scores: dict[str, float] = {}
        samples: list[tuple[str, str]] = []
        if due and self.processes.first:
            scores, samples = self.validate(self._cached(phase))
        reached = self.processes.told_by_first(scores.get("CIDEr-D", 0.0))
        row |= {name: round(value, 4) for name, value in scores.items()}
        self.at.history.append(row)
        log.info("%s", "  ".join(f"{key} {value}" for key, value in row.items() if value != ""))
        for photo, text in samples:
            log.info("    %s: %s", photo, text)
        if self.events and due:
            last = self._steps_done - 1  # a run that goes on from here withdraws all from the next step on
            self.events.numbers(last, {f"dev/{name}": value for name, value in scores.items()})
            self.events.captions(last, samples)
        if due and (reached > self.at.best or not self._epochs_differ):
            self.at.best, self.at.stale = reached, 0
            about = {
                "dev": row,
                "architecture": self.model.architecture,
                "recipe": self.recipe.name,
                "round_weights": phase.round_weights,
            }
            if self.processes.first:
                save_checkpoint(self.out / "best.safetensors", self.average, about)
        elif due:
            self.at.stale += 1
        if not self.processes.first:
            return
        table = io.StringIO()
        writer = csv.DictWriter(table, columns(self.at.history), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.at.history)
        write_atomically(self.out / "epochs.csv", table.getvalue())
        self._save()

    def validate(self, frozen: bool) -> tuple[dict[str, float], list[tuple[str, str]]]:
        """Corpus scores of the averaged weights on the dev photos, and five captions to look at.

        Captions are found by beam search as a user would find them, never by teacher forcing. Of a photo that cannot be read
        nothing is said, which counts.
        """
        own = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.average)
        self.model.eval()
        engine = TorchEngine(self.model)
        max_words = self.recipe.data.max_words
        options = SearchOptions(
            beam=self.recipe.beam,
            max_words=self.vocabulary.most_tokens(max_words),
            length_penalty=self.recipe.length_penalty,
            not_after=self.vocabulary.rule(max_words),
        )
        features = self._features(self.dev, "dev") if frozen else None
        captions = {photo.id: "" for photo in self.dev}
        at_once = 250 if self.device.type == "cuda" else 50
        for first in range(0, len(self.dev), at_once):
            photos = self.dev[first : first + at_once]
            if features is not None:
                grid = np.array(features[first : first + at_once])
                memory = torch.from_numpy(grid[_readable(grid)]).to(self.device).float()
                photos = list(compress(photos, _readable(grid)))
            elif opened := [(photo, image) for photo in photos if (image := self._opened(photo)) is not None]:
                memory = engine.encode(np.stack([image for _, image in opened]))
                photos = [photo for photo, _ in opened]
            else:
                photos = []
            found = beam_search(engine, memory, options) if photos else []
            for photo, hypotheses in zip(photos, found, strict=True):
                captions[photo.id] = detokenise(self.vocabulary.to_words(hypotheses[0].tokens))
        self.model.load_state_dict(own)
        metrics = METRICS_BY_DEFAULT if self._epochs_differ else [n for n in METRICS_BY_DEFAULT if n != "CIDEr-D"]
        scores = score({photo.id: list(photo.captions) for photo in self.dev}, captions, metrics).corpus
        return scores, list(captions.items())[:5]

    def _opened(self, photo: CaptionedPhoto) -> NDArray[Any] | None:
        """A dev photo as the encoder sees it, `(S, S, 3)` or regions `(R, D)`, or nothing where it cannot be read."""
        try:
            if self.regions is not None:
                return self.regions.of(photo)
            return prepare(open_photo(photo.path, smallest_side=self.preprocessing.smallest_side), self.preprocessing)
        except PhotoError as error:
            self._skipped(f"skipped {error.message}" if self.regions else f"skipped {photo.id}: {error.message}")
            return None

    @property
    def _epochs_differ(self) -> bool:
        """Whether the dev photos can tell which epoch is better: CIDEr-D of a single photo is always 0."""
        return len(self.dev) > 1

    # -- phases ---------------------------------------------------------------------------------------------------

    @property
    def _last(self) -> Path:
        """The checkpoint that the run goes on from."""
        return self.out / "last.safetensors"

    @property
    def _phase(self) -> Phase:
        return self.recipe.phases[self.at.phase]

    def _cached(self, phase: Phase) -> bool:
        """Whether the phase sees photos by features of its encoder that are computed once: regions' are computed already."""
        return phase.encoder_lr is None and self.regions is None

    @property
    def _batches(self) -> int:
        """How many make an epoch."""
        return -(-len(self.examples) // self.recipe.batch_size)

    @property
    def _steps_done(self) -> int:
        """Since the run began."""
        return self.at.epochs_done * self._batches + self.at.batch

    @property
    def _steps(self) -> int:
        """How many make the phase, 1 at least."""
        return max(self._phase.epochs * self._batches, 1)

    def _begin(self) -> None:
        last = self._last
        if last.exists():
            tensors, progress = load_checkpoint(last)
            try:
                self.at = Position(**progress)
            except TypeError as error:
                raise RecipeError("checkpoint", f"{last} is not a checkpoint to go on from") from error
            self._load_weights({k[6:]: v for k, v in tensors.items() if k.startswith("model.")}, last)
            for name, value in self.average.items():
                value.copy_(tensors[f"average.{name}"])
            if self.at.phase < len(self.recipe.phases):
                self._prepare_phase()
                self._restore_optimiser(tensors)
            log.info(
                "going on from %s: phase %d, epoch %d, batch %d", last, self.at.phase, self.at.epoch, self.at.batch
            )
            return
        if self.recipe.model.start_from:
            start = Path(self.recipe.model.start_from)
            weights, _ = load_checkpoint(start)
            if self.recipe.model.new_words:
                known = len(Vocabulary.load(start.with_name("vocabulary.json")))
                weights = grown(weights, self.model.state_dict(), known)
            if self.recipe.model.encoder_only:
                encoder = {name: weight for name, weight in weights.items() if name.startswith("encoder.")}
                weights = self.model.state_dict() | encoder
            self._load_weights(weights, start)
        self._prepare_phase()

    def _load_weights(self, weights: dict[str, Tensor], source: Path) -> None:
        try:
            self.model.load_state_dict(weights)
        except RuntimeError as error:
            what = f"the recipe's network with the {len(self.vocabulary)} {self.vocabulary.unit} of its vocabulary.json"
            raise RecipeError("checkpoint", f"{source} is of another network or vocabulary than {what}") from error
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}

    def _prepare_phase(self) -> None:
        phase = self._phase
        self.recorded = None
        self.self_critical = None
        if phase.self_critical is not None:
            self.self_critical = SelfCriticalLoss(
                phase.self_critical, self.examples, self.vocabulary, self.recipe.data.max_words
            )
        self.teachers = None
        if phase.distillation is not None:
            self.teachers = Teachers(phase.distillation.teachers, self.vocabulary, self.device)
            for run, teacher in zip(phase.distillation.teachers, self.teachers.models, strict=True):
                # Each caches features of its own; where the encoder learns, one batch of photos is for all.
                if self.regions and teacher.architecture["encoder"] != self.model.architecture["encoder"]:
                    raise RecipeError("regions", f"the teacher {run} does not read the regions that the student reads")
                if phase.encoder_lr is not None and teacher.encoder.preprocessing != self.preprocessing:
                    raise RecipeError(
                        "other-preprocessing",
                        f"the teacher {run} sees photos otherwise than the student: freeze the encoder (encoder_lr: null)",
                    )
        self.model.encoder.round_weights(phase.round_weights)
        dropout = self.model.architecture["decoder"]["dropout"] if phase.dropout is None else phase.dropout
        for module in self.model.decoder.modules():
            if isinstance(module, nn.Dropout):
                module.p = dropout
        self.model.encoder.train_from(None if phase.encoder_lr is None else phase.encoder_from)
        groups = []
        trained = [parameter for parameter in self.model.decoder.parameters() if parameter.requires_grad]
        groups.append({"params": trained, "lr": phase.lr, "peak": phase.lr})
        if phase.encoder_lr is not None:
            for weights, lr in encoder_rates(self.model.encoder, phase.encoder_lr, phase.layer_decay):
                groups.append({"params": weights, "lr": lr, "peak": lr})
        self.optimiser = torch.optim.AdamW(groups, weight_decay=self.recipe.weight_decay)

    def _set_rates(self, phase: Phase) -> None:
        share = rate(phase, self.at.step, self._steps)
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * share

    def _trained(self) -> list[Tensor]:
        return [parameter for group in self.optimiser.param_groups for parameter in group["params"]]

    # -- features -------------------------------------------------------------------------------------------------

    def _features(
        self, photos: Sequence[CaptionedPhoto], name: str, view: int = 0, encoder: Encoder | None = None
    ) -> NDArray[np.float16]:
        """The cached features `(N, R, D)`; those of a photo that cannot be read are zeros.

        The first process computes what is not there, see `_train_epoch`.
        """
        return encoder_features(
            encoder or self.model.encoder,
            [photo.path for photo in photos],
            Path(self.recipe.features) if self.recipe.features else self.out / "features",
            name=f"{name}, view {view + 1}" if view else name,
            say=log.info,
            unreadable=self._skipped,
            augmentation=self.recipe.augmentation,
            seed=self.recipe.seed,
            view=view,
        )

    # -- checkpoints ----------------------------------------------------------------------------------------------

    def _save(self) -> None:
        now = time.monotonic()
        self.at.seconds, self.clock = self.at.seconds + now - self.clock, now
        if not self.processes.first:
            return
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        for number, parameter in enumerate(self._trained()):
            for name, value in self.optimiser.state.get(parameter, {}).items():
                tensors[f"optimiser.{number}.{name}"] = torch.as_tensor(value)
        save_checkpoint(self._last, tensors, asdict(self.at))

    def _restore_optimiser(self, tensors: dict[str, Tensor]) -> None:
        for number, parameter in enumerate(self._trained()):
            prefix = f"optimiser.{number}."
            state = {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
            if state:
                # Laid out in memory as the parameter is: other layouts may round differently.
                self.optimiser.state[parameter] = {
                    name: value if name == "step" else torch.empty_like(parameter).copy_(value)
                    for name, value in state.items()
                }

    def _same_recipe(self) -> None:
        """Records the recipe; a folder with another recipe's checkpoint is refused rather than mixed."""
        path = self.out / "recipe.json"
        ours = asdict(self.recipe) | {"out": "", "features": ""}  # the same run wherever these are
        if path.exists() and self._last.exists():
            try:
                # A run that an earlier version began lacks the settings that have come since.
                theirs = asdict(recipe_of(json.loads(path.read_text(encoding="utf-8"))))
            except (ValueError, RecipeError) as error:
                raise RecipeError("other-recipe", f"{path} is damaged: name another folder with out=FOLDER") from error
            if changed := [key for key, value in ours.items() if theirs[key] != value and key not in _HOW]:
                raise RecipeError(
                    "other-recipe",
                    f"{self.out} holds a run of another recipe ({', '.join(changed)} differ): name another folder with "
                    "out=FOLDER, or remove it",
                )
        if self.processes.first:
            write_atomically(path, json.dumps(ours, indent=1))

    def _can_run(self) -> None:
        """Refuses a run without photos or words, and one that would go on with other words than it began with."""
        named = ", ".join(self.recipe.data.train)
        for what, photos in (
            (f"train on ({named})", self.examples),
            (f"validate on ({self.recipe.data.dev})", self.dev),
        ):
            if not photos:
                raise RecipeError(
                    "no-photos", f"no photos are left to {what}: bring more, or see in the log why they were left out"
                )
        if len(self.vocabulary) <= len(SPECIAL):
            raise RecipeError(
                "no-words", f"no word comes {self.recipe.data.min_count} times in the captions: lower data.min_count"
            )
        path = self.out / "vocabulary.json"
        begun = path.exists() and self._last.exists()
        if begun and Vocabulary.load(path).tokens != self.vocabulary.tokens:
            raise RecipeError(
                "other-vocabulary",
                f"the captions have changed since the run in {self.out} began: name another folder with out=FOLDER",
            )


def encoder_rates(encoder: Encoder, lr: float, layer_decay: float) -> list[tuple[list[Tensor], float]]:
    """The encoder's weights that are learnt, with their rates: `lr` for the last part, and each part before it that many times
    less (`layer_decay`); all together where that is 1."""
    if layer_decay == 1:
        return [([weight for weight in encoder.parameters() if weight.requires_grad], lr)]
    parts = encoder.parts()
    rates = [lr * layer_decay ** (len(parts) - 1 - number) for number in range(len(parts))]
    learnt: list[list[Tensor]] = [[weight for weight in weights if weight.requires_grad] for weights in parts]
    return [(weights, its) for weights, its in zip(learnt, rates, strict=True) if weights]


def rate(phase: Phase, step: int, steps: int) -> float:
    """What share of its peak each learning rate has in a step of the phase, of which there are `steps`."""
    done = min(step / steps, 1.0)
    fallen = {"cosine": (1 - math.cos(math.pi * done)) / 2, "linear": done, "constant": 0.0}[phase.schedule]
    return min(1.0, (step + 1) / max(phase.warmup, 1)) * (1 - 0.9 * fallen)


def _readable(features: NDArray[np.float16]) -> NDArray[np.bool_]:
    """Which of the photos with these features `(B, R, D)` could be read, `(B,)`; see `Trainer._features`."""
    readable: NDArray[np.bool_] = np.abs(features).reshape(len(features), -1).max(axis=1) > 0
    return readable


def _millions(model: CaptioningModel) -> float:
    return sum(parameter.numel() for parameter in model.parameters()) / 1e6


class _LogFile(logging.FileHandler):
    """Loses a line that the disk has no room for: the next checkpoint, which has none either, stops the run and says so."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


def _log_to(path: Path | None) -> None:
    """Logs to the screen and to `path`, replacing an earlier run's handlers in the same process; to nothing for `None`."""
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    log.setLevel(logging.INFO)
    log.propagate = False
    if path is None:
        log.addHandler(logging.NullHandler())
        return
    screen = logging.StreamHandler()
    screen.setFormatter(logging.Formatter("%(message)s"))
    file = _LogFile(path, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(screen)
    log.addHandler(file)
