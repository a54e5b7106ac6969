"""What people score: one person's caption of each photo against the other people's captions of the same photo.

    python benchmarks/people.py --data flickr8k:FOLDER [--split test]

Needs the `metrics` extra. A yardstick for a captioner's scores, not a ceiling: a captioner is compared with one reference more.
"""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.table import Table

from pictell.data import load_dataset
from pictell.metrics import score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="test")
    options = parser.parse_args()
    photos = [photo for photo in load_dataset(options.data, options.split) if len(photo.captions) > 1]
    scores = score(
        {p.id: list(p.captions[:-1]) for p in photos},
        {p.id: p.captions[-1] for p in photos},
        ("BLEU", "METEOR", "ROUGE-L", "CIDEr-D"),
    )
    table = Table(title=f"the last caption of {len(photos)} {options.split} photos against the others")
    for name in scores.corpus:
        table.add_column(name, justify="right")
    table.add_row(*(f"{number:.4f}" for number in scores.corpus.values()))
    Console().print(table)
    Console().print("; ".join(dict.fromkeys(scores.versions.values())))


if __name__ == "__main__":
    main()
