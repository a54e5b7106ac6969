"""What a required word does to captions: of each photo a noun that its references share is required.

    python benchmarks/required_noun.py --data flickr8k:FOLDER [--split test] [--shared 5] [--photos 500]

A noun is a word that stands between a determiner and a function word (or the end) in a tenth of its places in the training
captions; a photo's is the most common one that at least `--shared` of its references have. This tells what a person's hint is
worth: the references are looked at, so its scores are no captioner's scores.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from pictell.captioner import load
from pictell.data import CaptionedPhoto, load_dataset
from pictell.language import tokenise
from pictell.language.function_words import function_words
from pictell.metrics import score

FUNCTION_WORDS = function_words("en") or frozenset()
DETERMINERS = frozenset((
    "a", "an", "the", "his", "her", "their", "its", "one", "two",
    "three", "four", "five", "several", "some", "many",
))  # fmt: skip


def nouns(captions: Iterable[Sequence[str]]) -> dict[str, int]:
    """The nouns in captions, and how often each is there."""
    all_places: Counter[str] = Counter()
    noun_places: Counter[str] = Counter()
    for caption in captions:
        around = zip(["", *caption], caption, [*caption[1:], "a"], strict=False)
        all_places.update(caption)
        noun_places.update(word for before, word, after in around if before in DETERMINERS and after in FUNCTION_WORDS)
    return {
        word: count
        for word, count in all_places.items()
        if word not in FUNCTION_WORDS | DETERMINERS and count >= 10 and noun_places[word] >= 0.1 * count
    }


def shared_noun(photo: CaptionedPhoto, known: Mapping[str, int], least: int) -> str | None:
    """The most common noun that `least` or more of a photo's references have."""
    having = Counter(word for caption in photo.captions for word in set(tokenise(caption)) if word in known)
    return max((word for word, count in having.items() if count >= least), key=lambda word: known[word], default=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, metavar="KIND:FOLDER")
    parser.add_argument("--split", default="test")
    parser.add_argument("--shared", type=int, default=5)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--model", default=None)
    options = parser.parse_args()
    captioner = load(options.model)
    vocabulary = set(captioner.bundle.vocabulary.tokens)
    train = load_dataset(options.data, "train")
    known = nouns(tokenise(caption) for photo in train for caption in photo.captions)
    known = {word: count for word, count in known.items() if word in vocabulary}
    found = [
        (photo, noun)
        for photo in load_dataset(options.data, options.split)
        if (noun := shared_noun(photo, known, options.shared))
    ][: options.photos]
    photos = [photo for photo, _ in found]
    plain = [caption.text or "" for caption in captioner.caption_many([photo.path for photo in photos], force=True)]
    steered = [captioner.caption(photo.path, must=noun, force=True).text or "" for photo, noun in found]
    references = {photo.id: photo.captions for photo in photos}
    table = Table(title=f"{len(photos)} {options.split} photos, a noun of {options.shared} references or more")
    for column in ("", "with the noun", "BLEU-4", "CIDEr-D"):
        table.add_column(column, justify="right" if column else "left")
    scored = {}
    for name, texts in (("plain", plain), ("required", steered)):
        having = sum(noun in text.split() for (_, noun), text in zip(found, texts, strict=True))
        scored[name] = score(references, dict(zip(references, texts, strict=True)))
        scores = scored[name].corpus
        table.add_row(name, f"{having} of {len(photos)}", f"{scores['BLEU-4']:.3f}", f"{scores['CIDEr-D']:.3f}")
    Console().print(table)
    print("the most common nouns:", Counter(noun for _, noun in found).most_common(12))


if __name__ == "__main__":
    main()
