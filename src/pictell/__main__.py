"""`python -m pictell` is the command `pictell`."""

from __future__ import annotations

from pictell.cli import main

if __name__ == "__main__":
    main()
