"""The command `pictell`: one file per command, each a typed function that calls the library and prints."""

from __future__ import annotations

from pictell.cli.running import main

__all__ = ["main"]
