"""A data set, a recipe and a network small enough to train and export in seconds, on one core of the CPU."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

COLOURS = {"red": (220, 40, 40), "green": (40, 200, 60), "blue": (40, 60, 220), "yellow": (230, 220, 50)}
SHAPES = ("disc", "bar", "stripe")


@pytest.fixture(autouse=True, scope="package")
def on_one_core() -> Iterator[None]:
    """Networks of this size are quickest so; and a GPU, where there is one, is not asked."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def log_files_closed() -> Iterator[None]:
    yield
    log = logging.getLogger("pictell.training")
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()


def draw(colour: str, shape: str, seed: int) -> NDArray[np.uint8]:
    """A coloured shape on a grey background that differs from photo to photo, `(64, 64, 3)`."""
    coarse = np.random.default_rng(seed).integers(60, 190, (5, 5, 3), np.uint8)
    pixels = np.array(Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC))
    down, across = np.mgrid[:64, :64]
    places = {
        "disc": (down - 32) ** 2 + (across - 32) ** 2 < 400,
        "bar": abs(across - 20) < 8,
        "stripe": abs(down - 40) < 8,
    }
    pixels[places[shape]] = COLOURS[colour]
    return pixels


@pytest.fixture(scope="session")
def flickr8k(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve photos, eight to train on and four for dev; the test split is empty. Do not write into it."""
    folder = tmp_path_factory.mktemp("data") / "flickr8k"
    (folder / "Flicker8k_Dataset").mkdir(parents=True)
    (folder / "Flickr8k_text").mkdir()
    captions, names = [], []
    for number, (colour, shape) in enumerate((colour, shape) for colour in COLOURS for shape in SHAPES):
        name = f"{number}.png"
        names.append(name)
        Image.fromarray(draw(colour, shape, number)).save(folder / "Flicker8k_Dataset" / name)
        for k, text in enumerate((f"A {colour} {shape} .", f"There 's a {shape} , it is {colour} .")):
            captions.append(f"{name}#{k}\t{text}")
    (folder / "Flickr8k_text/Flickr8k.token.txt").write_text("\n".join(captions) + "\n", encoding="utf-8")
    for split, chosen in (("train", names[:8]), ("dev", names[8:]), ("test", [])):
        text = "".join(f"{name}\n" for name in chosen)
        (folder / f"Flickr8k_text/Flickr_8k.{split}Images.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def recipe_file(flickr8k: Path) -> Path:
    """Two phases: the decoder on cached features, then the whole network on augmented photos. Do not change it."""
    path = flickr8k.parent / "tiny.yaml"
    path.write_text(
        f"""
name: tiny
seed: 3
data:
  folders: {{flickr8k: {flickr8k}}}
  train: [flickr8k/train]
  dev: flickr8k/dev
  held_out: [flickr8k/dev, flickr8k/test]
  min_count: 1
  max_words: 9
model:
  encoder: {{name: mobilenet_v2, size: 64}}
  decoder: {{name: spatial_attention, embedding: 8, hidden: 12, output: 10, heads: 2, dropout: 0.3}}
batch_size: 4
beam: 2
checkpoint_minutes: 0
phases:
  - {{name: decoder, epochs: 2, lr: 5e-3, warmup: 2, captions: 2}}
  - {{name: whole, epochs: 1, lr: 1e-3, encoder_lr: 5e-4, encoder_from: 0, warmup: 2, captions: 2, round_weights: true}}
""",
        encoding="utf-8",
    )
    return path
