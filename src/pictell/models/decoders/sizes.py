"""Sizes and switches that a recipe gives."""

from __future__ import annotations


def check_sizes(**sizes: int) -> None:
    """Raises `ValueError` for a size that is no whole number or below 1."""
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"{name} is {size}; it must be a whole number, at least 1")


def check_switches(**switches: bool) -> None:
    """Raises `ValueError` for a switch that is neither true nor false."""
    for name, switch in switches.items():
        if not isinstance(switch, bool):
            raise ValueError(f"{name} is {switch!r}; it must be true or false")
