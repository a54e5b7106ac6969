"""In how many images of a corpus each n-gram stands: what CIDEr's word weights are made of, kept in a file.

With the frequencies of a large corpus (all of COCO, say) a few captions, or even one, get the scores that they would
get in that corpus.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pictell.errors import PictellError
from pictell.files import write_atomically

_LONGEST = 4
_FORMAT = "pictell document frequencies 1"


@dataclass(frozen=True)
class DocumentFrequencies:
    """`images` is the number of images in the corpus, `counts` says in the references of how many of them each n-gram
    (a tuple of 1 to 4 words) stands, `tokens` the version of the tokeniser that split them."""

    images: int
    counts: dict[tuple[Hashable, ...], int]
    tokens: str

    @classmethod
    def of(cls, references: Iterable[Iterable[Sequence[str]]], tokens: str) -> DocumentFrequencies:
        """Count the references, lists of words, of all images of a corpus."""
        counts: Counter[tuple[Hashable, ...]] = Counter()
        images = 0
        for captions in references:
            images += 1
            counts.update(
                {
                    tuple(words[start : start + order])
                    for words in captions
                    for order in range(1, _LONGEST + 1)
                    for start in range(len(words) - order + 1)
                }
            )
        return cls(images, dict(counts), tokens)

    def save(self, path: Path) -> None:
        """Write a JSON file, whole or not at all."""
        counts = {" ".join(map(str, ngram)): images for ngram, images in self.counts.items()}
        content = {"format": _FORMAT, "tokens": self.tokens, "images": self.images, "counts": counts}
        write_atomically(path, json.dumps(content, ensure_ascii=False))

    @classmethod
    def load(cls, path: Path) -> DocumentFrequencies:
        """Read what `save` wrote. Raises `PictellError` (`"frequencies"`) where the file is anything else."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise PictellError("frequencies", f"cannot read the document frequencies {path}: {error}") from error
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise PictellError("frequencies", f"{path} holds no document frequencies: make them with --save-df")
        images, counts, tokens = content.get("images"), content.get("counts"), content.get("tokens")
        if (
            isinstance(images, int)
            and isinstance(counts, dict)
            and isinstance(tokens, str)
            and all(type(number) is int and 0 < number <= images for number in counts.values())
            and all(1 <= len(ngram.split(" ")) <= _LONGEST for ngram in counts)
        ):
            return cls(images, {tuple(ngram.split(" ")): number for ngram, number in counts.items()}, tokens)
        raise PictellError("frequencies", f"{path} is damaged: each n-gram needs a number of images up to {images}")
