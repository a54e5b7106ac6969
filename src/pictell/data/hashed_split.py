"""Splits of data sets that come without: by a hash of each photo's name, so that a photo stays in its split as others come."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

SPLITS = ("train", "dev", "test")


def in_split(names: Sequence[str], split: str) -> list[str]:
    """The names that are in `train` (about 80 %), `dev` (10 %) or `test` (10 %), in their order.

    A few names may leave a split empty by chance; then train takes those of test, and dev one of the others.
    """
    parts: dict[str, list[str]] = {name: [] for name in SPLITS}
    for name in names:
        parts["dev" if _place(name) < 0.1 else "test" if _place(name) < 0.2 else "train"].append(name)
    if not parts["train"]:
        parts["train"], parts["test"] = parts["test"], []
    if not parts["dev"] and len(names) > 1:
        others = parts["train"] if len(parts["train"]) > 1 else parts["test"]
        parts["dev"] = [min(others, key=_place)]
        others.remove(parts["dev"][0])
    return parts[split]


def _place(name: str) -> float:
    """From 0 to below 1."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:6], "big") / 2**48
