"""Trains the detector of pictures that are no photos, some minutes on two cores:

    python recipes/detector/train.py --data flickr8k:FLICKR8K --data coco:COCO

It draws pictures of each kind (see `pictures.py`), takes all photos of the train splits, changed as people's
photos are, and writes `src/pictell/confidence/detector.json`. `benchmarks/detector.py` measures it on kinds of pictures that are
not drawn here. Needs the `train` extra.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import torch
from pictures import KINDS, finished, photo
from PIL import Image
from torch import nn

from pictell.confidence.detector import FARTHEST, LEAST, REASONS, Detector
from pictell.confidence.picture_statistics import picture_statistics
from pictell.data import load_dataset
from pictell.files import write_atomically

OUT = Path(__file__).resolve().parents[2] / "src" / "pictell" / "confidence" / "detector.json"
SPLITS = {"flickr8k": "train", "coco": "train2014"}
HIDDEN = 32
EPOCHS = 80


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--each", type=int, default=1000, help="how many pictures of each kind")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    assert set(KINDS) == set(REASONS)
    kinds = ("photo", *KINDS)
    paths = [p.path for data in options.data for p in load_dataset(data, SPLITS[data.partition(":")[0]])]
    tasks = [(kind, number) for kind in kinds for number in range(len(paths) if kind == "photo" else options.each)]
    with Pool(options.processes) as pool:
        drawn = pool.map(partial(statistics_of, paths), tasks, chunksize=50)
    inputs, labels = np.stack(drawn), np.array([kinds.index(kind) for kind, _ in tasks])
    detector = fit(inputs, labels, kinds)
    right = (detector.probabilities(inputs)[:, 0] >= LEAST) == (labels == 0)
    for number, kind in enumerate(kinds):
        print(
            f"{kind:12} {right[labels == number].mean():.1%} right, of {np.count_nonzero(labels == number)} fitted to"
        )
    write_atomically(options.out, detector.to_json())


def statistics_of(photos: Sequence[Path], task: tuple[str, int]) -> np.ndarray:
    """The statistics of picture `number` of a kind, always the same one."""
    kind, number = task
    random = np.random.default_rng([(*KINDS, "photo").index(kind), number])
    of = photos[number] if kind == "photo" else photos[int(random.integers(len(photos)))]
    with Image.open(of) as opened:
        picture = opened.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
    seen = finished(random, (photo if kind == "photo" else KINDS[kind])(random, picture))
    return picture_statistics(seen[None])[0]


def fit(inputs: np.ndarray, labels: np.ndarray, kinds: tuple[str, ...]) -> Detector:
    """Cross-entropy, each kind weighing as much as another and photos as much as all of them."""
    torch.manual_seed(0)
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    x = torch.from_numpy(np.clip((inputs - mean) / scale, -FARTHEST, FARTHEST))
    y = torch.from_numpy(labels)
    counts = torch.bincount(y).float()
    weights = 1 / counts
    weights[0] *= len(kinds) - 1
    network = nn.Sequential(nn.Linear(x.shape[1], HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, len(kinds)))
    loss = nn.CrossEntropyLoss(weight=weights / weights.mean(), label_smoothing=0.01)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(256):
            optimiser.zero_grad()
            loss(network(x[batch] + 0.05 * torch.randn(len(batch), x.shape[1])), y[batch]).backward()
            optimiser.step()
        schedule.step()
    first, second = network[0], network[2]
    return Detector(
        kinds=kinds, mean=mean, scale=scale,
        hidden=first.weight.detach().numpy().T, hidden_bias=first.bias.detach().numpy(),
        output=second.weight.detach().numpy().T, output_bias=second.bias.detach().numpy(),
    )  # fmt: skip


if __name__ == "__main__":
    main()
