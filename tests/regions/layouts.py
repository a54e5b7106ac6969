"""Region features written in every layout that is read."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Detected:
    """Of a photo of `width` x `height` pixels: features (R, D), boxes (R, 4) in pixels."""

    features: Array
    boxes: Array
    width: int = 640
    height: int = 480

    @property
    def shares(self) -> Array:
        sides = np.array([self.width, self.height, self.width, self.height], np.float32)
        return np.asarray(self.boxes / sides, np.float32)


def detect(count: int, channels: int = 6, seed: int = 0) -> Detected:
    generator = np.random.default_rng((seed, count))
    corners = np.sort(generator.uniform(0, 1, (count, 2, 2)), axis=1).reshape(count, 4)  # left, top, right, bottom
    boxes = corners * [640, 480, 640, 480]
    features = np.maximum(generator.normal(0.5, 1, (count, channels)), 0) + 0.01
    return Detected(features.astype(np.float32), boxes.astype(np.float32))


Photos = Mapping[str, Detected]


def write_npz(folder: Path, photos: Photos) -> Path:
    """As bottom-up-attention.pytorch writes: with a pickled `info` beside the arrays."""
    folder.mkdir(parents=True)
    for name, found in photos.items():
        info = np.array({"image_id": name, "num_boxes": len(found.features)}, dtype=object)
        np.savez_compressed(
            folder / f"{name}.npz", x=found.features, bbox=found.boxes, num_bbox=len(found.features),
            image_h=found.height, image_w=found.width, info=info,
        )  # fmt: skip
    return folder


def write_luo(folder: Path, photos: Photos) -> Path:
    """As self-critical.pytorch's `make_bu_data.py` writes: three folders side by side."""
    att, box, fc = (folder.with_name(f"{folder.name}_{part}") for part in ("att", "box", "fc"))
    for each in (att, box, fc):
        each.mkdir(parents=True)
    for name, found in photos.items():
        np.savez_compressed(att / name, feat=found.features)
        np.save(box / name, found.boxes)
        np.save(fc / name, found.features.mean(0))
    return att


def write_npy(folder: Path, photos: Photos) -> Path:
    folder.mkdir(parents=True)
    for name, found in photos.items():
        np.save(folder / f"{name}.npy", found.features)
    return folder


def row(name: str, found: Detected) -> bytes:
    cells = [
        name, str(found.width), str(found.height), str(len(found.features)),
        base64.b64encode(found.boxes.astype("<f4").tobytes()).decode(),
        base64.b64encode(found.features.astype("<f4").tobytes()).decode(),
    ]  # fmt: skip
    return ("\t".join(cells) + "\r\n").encode()  # csv.DictWriter ends lines so


def write_tsv(path: Path, photos: Photos) -> Path:
    path = path.with_suffix(".tsv")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(row(name, found) for name, found in photos.items()))
    return path


def write_tsv_parts(folder: Path, photos: Photos) -> Path:
    folder.mkdir(parents=True)
    for number, (name, found) in enumerate(photos.items()):
        with (folder / f"train.tsv.{number % 2}").open("ab") as part:
            part.write(row(name, found))
    return folder


def write_lmdb(path: Path, photos: Photos) -> Path:
    """As self-critical.pytorch's loader reads: the bytes of an `.npz` under the id."""
    import lmdb

    path = path.with_suffix(".lmdb")
    with lmdb.open(str(path), map_size=1 << 24) as environment, environment.begin(write=True) as transaction:
        for name, found in photos.items():
            content = io.BytesIO()
            np.savez_compressed(
                content, feat=found.features, bbox=found.boxes, image_w=found.width, image_h=found.height
            )
            transaction.put(name.encode(), content.getvalue())
    return path


Write = Callable[[Path, Photos], Path]
LAYOUTS: Mapping[str, Write] = {
    "npz": write_npz,
    "luo": write_luo,
    "npy": write_npy,
    "tsv": write_tsv,
    "tsv-parts": write_tsv_parts,
    "lmdb": write_lmdb,
}
WITHOUT_SIZE = {"luo", "npy"}
"""Layouts that do not tell how large a photo is, or where its regions are."""
