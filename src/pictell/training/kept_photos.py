"""Photos that stay decoded in the device's memory and are augmented there, where reading them anew would hold up a GPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from pictell.errors import PhotoError
from pictell.photos import Preprocessing, open_photo, prepare

_LUMA = (19595, 38470, 7471)  # of ITU-R 601-2 in 16 bits, as Pillow makes a photo grey


class KeptPhotos:
    """`pixels (N, S, S, 3)` uint8 on the device; `missing` are the numbers of those that could not be read, which are black
    and were told to `say`."""

    def __init__(
        self, files: Sequence[Path], preprocessing: Preprocessing, device: torch.device, say: Callable[[str], None]
    ) -> None:
        size = preprocessing.size
        self.pixels = torch.zeros(len(files), size, size, 3, dtype=torch.uint8, device=device)
        self.missing: set[int] = set()
        # Pillow lets go of the interpreter while it decodes, but more threads than these wait for it more than they decode.
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as threads:
            for number, photo in enumerate(threads.map(lambda file: _read(file, preprocessing), files)):
                if isinstance(photo, PhotoError):
                    self.missing.add(number)
                    say(f"skipped {files[number]}: {photo.message}")
                else:
                    self.pixels[number] = torch.from_numpy(photo)

    def changed(self, indices: Tensor, changes: Tensor) -> Tensor:
        """Changed copies of the photos `indices (B,)`, `(B, S, S, 3)` uint8; see `apply_changes`."""
        return apply_changes(self.pixels[indices], changes)


def apply_changes(pixels: Tensor, changes: Tensor) -> Tensor:
    """What `Change.apply` does, to many photos at once: it differs by the rounding of the crop alone.

    `pixels` are `(B, S, S, 3)` uint8, `changes (B, 8)` the box, the three factors and 1 for a mirrored photo.
    """
    size = pixels.shape[1]
    box, factors, mirrored = (
        changes[:, :4],
        changes[:, 4:7, None, None, None],
        changes[:, 7:],
    )  # (B, 4), (B, 3, 1, 1, 1)
    centres = (torch.arange(size, device=pixels.device) + 0.5) / size  # (S,)
    across = torch.where(mirrored > 0, 1 - centres, centres)  # (B, S)
    x = box[:, 0:1] + (box[:, 2:3] - box[:, 0:1]) * across  # (B, S), as shares of the side
    y = box[:, 1:2] + (box[:, 3:4] - box[:, 1:2]) * centres
    grid = torch.stack([x[:, None].expand(-1, size, -1), y[:, :, None].expand(-1, -1, size)], dim=-1) * 2 - 1
    image = F.grid_sample(
        pixels.permute(0, 3, 1, 2).float(), grid, mode="bilinear", padding_mode="border", align_corners=False
    )  # (B, 3, S, S)
    image = _blend(torch.zeros_like(image), image.round(), factors[:, 0])
    mean = torch.floor(_grey(image).mean(dim=(1, 2, 3), keepdim=True) + 0.5)
    image = _blend(mean, image, factors[:, 1])
    image = _blend(_grey(image), image, factors[:, 2])
    return image.permute(0, 2, 3, 1).to(torch.uint8)


def _blend(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    """From `first` to `second` and beyond, cut off at whole levels as Pillow does."""
    return torch.floor(torch.clamp(first + share * (second - first), 0, 255))


def _grey(image: Tensor) -> Tensor:
    """`(B, 3, S, S)` levels to `(B, 1, S, S)`."""
    red, green, blue = image.unbind(dim=1)
    return torch.floor((red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2] + 0x8000) / 0x10000)[:, None]


def _read(file: Path, preprocessing: Preprocessing) -> NDArray[np.uint8] | PhotoError:
    try:
        return prepare(open_photo(file, smallest_side=preprocessing.smallest_side), preprocessing)
    except PhotoError as error:
        return error
