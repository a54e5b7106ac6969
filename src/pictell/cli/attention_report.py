"""What `pictell evaluate --attention` prints: where a model looks, and whether it matters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from pictell.cli.bar import Bar
from pictell.cli.output import emit_json, say
from pictell.errors import PictellError

if TYPE_CHECKING:
    from pictell.captioner import Captioner
    from pictell.data import CaptionedPhoto
    from pictell.insight import Faithfulness


def report_attention(
    captioner: Captioner, photos: Sequence[CaptionedPhoto], *, data: str, split: str, as_json: bool
) -> None:
    """Measures and prints; ends with exit code 1 where a photo could not be opened."""
    from pictell.insight import measure_faithfulness

    with Bar(len(photos)) as bar:

        def watch(error: PictellError | None) -> None:
            if error is not None:
                bar.make_room(for_error=True)
                say(error.message)
            bar.advance()

        found = measure_faithfulness(captioner, photos, on_result=watch)
    if found.method != "attention":
        say(f"{found.model} attends to no grid: occlusion is measured instead")
    if as_json:
        emit_json(_rounded({**asdict(found), "failed": len(found.failed), "data": data, "split": split}))
    else:
        _print_table(found, f"{found.method} of {found.model} on {data} {split}")
    if found.failed:
        raise typer.Exit(1)


def _rounded(value: Any) -> Any:
    """Values of JSON, their numbers to five decimals."""
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return round(value, 5) if isinstance(value, float) else value


def _print_table(found: Faithfulness, title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    low, high = found.interval
    rows = [
        ("photos", f"{found.photos}"),
        ("photos that failed", f"{len(found.failed)}"),
        ("content words", f"{found.words}"),
        ("log-probability lost, own places hidden", f"{found.drop:.3f}"),
        ("... another word's places hidden", f"{found.other_drop:.3f}"),
        ("... random places hidden", f"{found.random_drop:.3f}"),
        ("faithfulness: own / random", f"{found.ratio:.2f}"),
        ("... 95 % interval", f"{low:.2f} to {high:.2f}"),
    ]
    if (looking := found.looking) is not None:
        rows += [
            ("attention entropy, nats", f"{looking.entropy:.2f} of {looking.uniform:.2f}"),
            ("... word by word", " ".join(f"{entropy:.2f}" for entropy in looking.entropy_by_word)),
            ("attention that moves with each word", f"{looking.moved:.1%}"),
        ]
    table = Table(title=Text(title), title_justify="left")
    table.add_column("measure", no_wrap=True)
    table.add_column("value", justify="right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
