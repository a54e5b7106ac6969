"""Splits of data sets that come without: by a hash of each photo's name, so that a photo stays in its split as others come."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

SPLITS = ("train", "dev", "test")

_ENOUGH = 2  # dev photos: CIDEr-D of one is always 0, so that no epoch would be better than another


def in_split(names: Sequence[str], split: str, say: Callable[[str], None] = lambda text: None) -> list[str]:
    """The names that are in `train` (about 80 %), `dev` (10 %) or `test` (10 %), in their order.

    A few names may leave a split empty by chance. Then train takes those of test, and dev, which needs two, some of the
    others, one of two or three; `say` hears of it when dev is asked for.
    """
    parts: dict[str, list[str]] = {name: [] for name in SPLITS}
    for name in names:
        parts["dev" if _place(name) < 0.1 else "test" if _place(name) < 0.2 else "train"].append(name)
    if not parts["train"]:
        parts["train"], parts["test"] = parts["test"], []
    if not parts["train"] and len(names) > 1:
        parts["train"] = [max(names, key=_place)]
        parts["dev"].remove(parts["train"][0])
    fell = len(parts["dev"])
    while len(parts["dev"]) < min(_ENOUGH, len(names) // 2):
        others = parts["train"] if len(parts["train"]) > 1 else parts["test"]
        parts["dev"].append(min(others, key=_place))
        others.remove(parts["dev"][-1])
    if split == "dev" and (taken := len(parts["dev"]) - fell):
        say(f"of {len(names)} photos {fell or 'none'} fell to the dev split by its name: {taken} taken from the others")
    asked = set(parts[split])
    return [name for name in names if name in asked]


def _place(name: str) -> float:
    """From 0 to below 1."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:6], "big") / 2**48
