"""What every local web service of pictell's shares: who may talk to it."""

from pictell.web.guard import Guard

__all__ = ["Guard"]
