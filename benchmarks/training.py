"""How fast a decoder trains: tokens a second against a step-by-step decoder as tutorials write it, and what SCST costs.

    python benchmarks/training.py [--rounds 7] [--decoder show_attend_tell]

Made-up features and captions of the sizes of Flickr8k: 50 photos of 7 x 7 x 1280, five captions each, 3,262 words. The peer is
Show, Attend and Tell as tutorials write it (every caption with its own copy of its photo's features, whose projection is
computed anew for every word, and a classifier for every word), with as many parameters as pictell's. Forward and backward, by
turns in the same process; ratios above 1 mean that pictell is faster. The reward is timed on captions that share words with
the references, as those of a trained model do; drawn captions are cut at people's mean length, as an untrained model never
ends one. Memory (on Linux) is the peak of a process of its own, less what it had
before its first step.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from pictell.data import CaptionedPhoto
from pictell.language import Vocabulary
from pictell.language.vocabulary import END, PAD, START
from pictell.models import DECODERS
from pictell.models.decoders.base import Decoder
from pictell.training.examples import Example
from pictell.training.losses import caption_loss
from pictell.training.recipe import SelfCritical
from pictell.training.self_critical import SelfCriticalLoss

WORDS, REGIONS, CHANNELS, PHOTOS, CAPTIONS = 3262, 49, 1280, 50, 5
MEAN, LONGEST, CORPUS = 10, 16, 6000
FIRST_WORD = 4


class TutorialDecoder(nn.Module):
    """Soft attention, one word at a time, nothing computed once that can be computed every time."""

    def __init__(self, hidden: int, embedding: int = 256, attention: int = 128) -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, embedding)
        self.of_features, self.of_state = nn.Linear(CHANNELS, attention), nn.Linear(hidden, attention)
        self.scores = nn.Linear(attention, 1)
        self.first_hidden, self.first_cell = nn.Linear(CHANNELS, hidden), nn.Linear(CHANNELS, hidden)
        self.gate = nn.Linear(hidden, CHANNELS)
        self.cell = nn.LSTMCell(embedding + CHANNELS, hidden)
        self.classify = nn.Linear(hidden, WORDS)
        self.dropout = nn.Dropout(0.5)

    def forward(self, features: Tensor, words: Tensor) -> Tensor:
        """Features `(N, R, D)` and words read `(N, T)` to scores `(N, T, V)`."""
        mean = features.mean(dim=1)
        hidden, cell = self.first_hidden(mean), self.first_cell(mean)
        embedded = self.embed(words)
        scores = []
        for step in range(words.shape[1]):
            energies = self.scores(torch.tanh(self.of_features(features) + self.of_state(hidden)[:, None]))
            context = (torch.softmax(energies, dim=1) * features).sum(dim=1)
            context = torch.sigmoid(self.gate(hidden)) * context
            hidden, cell = self.cell(torch.cat([embedded[:, step], context], dim=1), (hidden, cell))
            scores.append(self.classify(self.dropout(hidden)))
        return torch.stack(scores, dim=1)


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def tutorial_as_large_as(count: int) -> TutorialDecoder:
    """The one whose number of parameters comes nearest."""
    return min((TutorialDecoder(hidden) for hidden in range(64, 640, 4)), key=lambda m: abs(parameters(m) - count))


def captions(generator: np.random.Generator, count: int) -> list[list[int]]:
    """Word numbers by Zipf's law, lengths as in Flickr8k."""
    odds = 1 / np.arange(1, WORDS - FIRST_WORD + 1)
    lengths = np.clip(generator.normal(MEAN, 3, count).round().astype(int), 4, LONGEST)
    words = generator.choice(WORDS - FIRST_WORD, int(lengths.sum()), p=odds / odds.sum()) + FIRST_WORD
    return [part.tolist() for part in np.split(words, np.cumsum(lengths)[:-1])]


def batch(generator: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """A grid `(P, R, D)`, words read and words to predict `(P, K, T)`."""
    texts = captions(generator, PHOTOS * CAPTIONS)
    length = 1 + max(map(len, texts))
    read = torch.full((PHOTOS * CAPTIONS, length), PAD)
    predict = read.clone()
    for row, text in enumerate(texts):
        read[row, : len(text) + 1] = torch.tensor([START, *text])
        predict[row, : len(text) + 1] = torch.tensor([*text, END])
    grid = torch.from_numpy(generator.random((PHOTOS, REGIONS, CHANNELS), np.float32))
    return grid, read.view(PHOTOS, CAPTIONS, -1), predict.view(PHOTOS, CAPTIONS, -1)


def ours(decoder: Decoder, grid: Tensor, read: Tensor, predict: Tensor) -> None:
    decoder.zero_grad()
    caption_loss(decoder, grid, read, predict, 0.0).backward()  # type: ignore[no-untyped-call]


def tutorials(decoder: TutorialDecoder, grid: Tensor, read: Tensor, predict: Tensor) -> None:
    decoder.zero_grad()
    scores = decoder(grid.repeat_interleave(CAPTIONS, dim=0), read.flatten(0, 1))
    loss = nn.functional.cross_entropy(scores.flatten(0, 1), predict.flatten(), ignore_index=PAD)
    loss.backward()  # type: ignore[no-untyped-call]


def self_critical() -> SelfCriticalLoss:
    """Against as many photos with references as Flickr8k has to train on."""
    generator = np.random.default_rng(1)
    vocabulary = Vocabulary(["<pad>", "<start>", "<end>", "<unk>", *(f"w{n}" for n in range(WORDS - FIRST_WORD))])
    photo = CaptionedPhoto("", Path(), ())
    texts = iter(captions(generator, CORPUS * CAPTIONS))
    examples = [
        Example(photo, tuple(tuple(vocabulary.tokens[n] for n in next(texts)) for _ in range(CAPTIONS)))
        for _ in range(CORPUS)
    ]
    return SelfCriticalLoss(SelfCritical(samples=CAPTIONS), examples, vocabulary, MEAN)


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measure_memory(name: str, kind: str) -> None:
    """Prints the megabytes that three steps add to the peak of this process."""
    torch.manual_seed(1)
    decoder = DECODERS[name](WORDS, CHANNELS, REGIONS)
    grid, read, predict = batch(np.random.default_rng(0))
    critic = self_critical()
    before = megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is counted from here
    for _ in range(3):
        if kind == "self-critical":
            decoder.zero_grad()
            critic(decoder, grid, np.arange(PHOTOS), np.zeros(PHOTOS, bool))[0].backward()  # type: ignore[no-untyped-call]
        else:
            ours(decoder, grid, read, predict)
    print(json.dumps(megabytes("VmHWM") - before))


def megabytes(field: str) -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(next(line.split()[1] for line in status.splitlines() if line.startswith(field + ":"))) / 1024


def memory(name: str, kind: str) -> float:
    command = [sys.executable, __file__, "--decoder", name, "--memory-of", kind]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--decoder", default="show_attend_tell", choices=sorted(DECODERS))
    parser.add_argument("--memory-of", choices=("cross-entropy", "self-critical"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        measure_memory(options.decoder, options.memory_of)
        return
    torch.manual_seed(1)
    decoder = DECODERS[options.decoder](WORDS, CHANNELS, REGIONS)
    peer = tutorial_as_large_as(parameters(decoder))
    data = batch(np.random.default_rng(0))
    words = int((data[2] != PAD).sum())
    critic = self_critical()
    drawn = data[2].flatten(0, 1).numpy()

    def step() -> None:
        decoder.zero_grad()
        loss, _ = critic(decoder, data[0], np.arange(PHOTOS), np.zeros(PHOTOS, bool))
        loss.backward()  # type: ignore[no-untyped-call]

    works: dict[str, Callable[[], object]] = {
        "ours": lambda: ours(decoder, *data),
        "tutorial": lambda: tutorials(peer, *data),
        "self-critical": step,
        "reward": lambda: critic._reward(np.repeat(np.arange(PHOTOS), CAPTIONS), drawn),
    }
    for work in works.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(options.rounds):
        for name, work in works.items():
            times[name].append(seconds(work))
    median = {name: statistics.median(found) for name, found in times.items()}
    table = Table("", "parameters", "ms a step", "tokens a second", title=f"{PHOTOS} photos x {CAPTIONS} captions")
    for name, label, model in (
        ("ours", f"pictell, {options.decoder}", decoder),
        ("tutorial", "as tutorials write it", peer),
    ):
        rate = words / median[name]
        table.add_row(label, f"{parameters(model) / 1e6:.2f} M", f"{1000 * median[name]:.0f}", f"{rate:,.0f}")
    console = Console()
    console.print(table)
    ratios = [theirs / own for own, theirs in zip(times["ours"], times["tutorial"], strict=True)]
    console.print(f"pictell is {statistics.median(ratios):.1f} times as fast ({min(ratios):.1f} to {max(ratios):.1f})")
    console.print(
        f"a self-critical step takes {1000 * median['self-critical']:.0f} ms, "
        f"{100 * median['reward'] / median['self-critical']:.1f} % of it in the reward"
    )
    peaks = {kind: memory(options.decoder, kind) for kind in ("cross-entropy", "self-critical")}
    console.print(
        f"peak memory above that before the first step: cross-entropy {peaks['cross-entropy']:.0f} MB, self-critical "
        f"{peaks['self-critical']:.0f} MB, {peaks['self-critical'] / peaks['cross-entropy']:.2f} times as much"
    )


if __name__ == "__main__":
    main()
