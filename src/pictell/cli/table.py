"""A table on standard output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table; all columns but the first are numbers."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
