"""Sizes that a recipe gives."""

from __future__ import annotations


def check_sizes(**sizes: int) -> None:
    """Raises `ValueError` for a size that is no whole number or below 1."""
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"{name} is {size}; it must be a whole number, at least 1")
