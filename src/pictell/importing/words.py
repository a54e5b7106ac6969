"""The words of someone else's captioner: each token of pictell's vocabulary with its row in the checkpoint's tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pictell.errors import CheckpointError
from pictell.language import Vocabulary
from pictell.language.blocked import has_blocked_word
from pictell.language.vocabulary import SPECIAL

UNLIKELIER = 30.0
"""By so much a token that the checkpoint cannot say is less likely than the end, in log-probability: 1e-13 at most is its share,
whatever is predicted, and training can go on from it."""

Row = int | None
"""A row of the checkpoint's tables; `None` where it has none."""


@dataclass(frozen=True)
class Words:
    """`read` and `said` have a row for each token of `vocabulary`: of the embedding, and of the prediction.

    `known` rows are accounted for; the tables have no other ones, unless `spare` rows may follow that no word uses.
    `left_out` counts the words that pictell never says (see `pictell.language.blocked`).
    """

    vocabulary: Vocabulary
    read: tuple[Row, ...]
    said: tuple[Row, ...]
    known: int
    spare: bool
    left_out: int

    def check(self, path: Path, rows: int) -> None:
        """Raises `CheckpointError` where these, from `path`, are not the words of tables with so many rows."""
        if rows < self.known or (rows > self.known and not self.spare):
            raise CheckpointError(
                "vocabulary",
                f"{path} has {self.known} words, start, end and unknown ones included, and the checkpoint has {rows}",
            )

    def embedding(self, table: Tensor) -> Tensor:
        """The checkpoint's embedding `(rows, E)` as pictell numbers its words, `(V, E)`; zeros for what it has not."""
        with_zeros = torch.cat([table, torch.zeros_like(table[:1])])
        return with_zeros[[len(table) if row is None else row for row in self.read]]

    def prediction(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """The checkpoint's last layer `(rows, H)`, `(rows,)` likewise; what it has not is never said, see `UNLIKELIER`."""
        end = self.said[Vocabulary.end]
        rows = [end if row is None else row for row in self.said]
        never = torch.tensor([row is None for row in self.said]).to(bias) * UNLIKELIER
        return weight[rows], bias[rows] - never


def read_words(path: Path) -> Words:
    """Reads the data set's JSON (`ix_to_word`) of self-critical.pytorch, or im2txt's `word_counts.txt`.

    Raises `CheckpointError` for a file that is neither.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CheckpointError("missing", f"cannot read the words {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CheckpointError(
            "vocabulary",
            f"{path} is no text: the words are in the data set's JSON (cocotalk.json) or in word_counts.txt",
        ) from error
    return _from_json(path, text) if text.lstrip()[:1] == "{" else _from_counts(path, text)


def _from_json(path: Path, text: str) -> Words:
    """`ix_to_word` counts from 1; row 0 is padding, start and end at once."""
    try:
        named = {int(number): word for number, word in json.loads(text)["ix_to_word"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError("vocabulary", f"{path} has no ix_to_word, the numbers of words") from error
    if sorted(named) != list(range(1, len(named) + 1)):
        raise CheckpointError("vocabulary", f"{path}: ix_to_word does not number its words 1, 2, 3 ...")
    return _words(path, [None, *(named[number] for number in range(1, len(named) + 1))], start=0, end=0, spare=False)


def _from_counts(path: Path, text: str) -> Words:
    """A word and its count a line; unknown words have the row after the last line's, unless one of them is `<UNK>`."""
    words: list[object] = [line.split()[0] if line.split() else "" for line in text.splitlines()]
    for needed in ("<S>", "</S>"):
        if words.count(needed) != 1:
            raise CheckpointError("vocabulary", f"{path} is no word_counts.txt: it has no line {needed}")
    start, end = words.index("<S>"), words.index("</S>")
    words[start] = words[end] = None
    if "<UNK>" not in words:
        words.append("<UNK>")
    return _words(path, words, start=start, end=end, spare=True)


def _words(path: Path, words: Sequence[object], *, start: int, end: int, spare: bool) -> Words:
    """`words` has a word for each row, `None` for the rows of start and end."""
    unknown: Row = None
    tokens, rows, left_out = [], [], 0
    for row, word in enumerate(words):
        if word is None:
            continue
        if not isinstance(word, str) or not word.isprintable() or word.split() != [word]:
            raise CheckpointError("vocabulary", f"{path}: number {row} is {word!r}, which is no word")
        if word.endswith("@@"):
            raise CheckpointError("vocabulary", f"{path} has pieces of words ({word}), which pictell cannot import")
        if word in ("UNK", "<UNK>", "<unk>"):
            unknown = row
        elif has_blocked_word([word.lower()]):
            left_out += 1
        else:
            tokens.append(word)
            rows.append(row)
    if len({*tokens, *SPECIAL}) != len(tokens) + len(SPECIAL):
        raise CheckpointError("vocabulary", f"{path} has a word twice, or one that is called {' or '.join(SPECIAL)}")
    return Words(
        vocabulary=Vocabulary([*SPECIAL, *tokens]),
        read=(None, start, end, unknown, *rows),
        said=(None, None, end, unknown, *rows),
        known=len(words),
        spare=spare,
        left_out=left_out,
    )
