"""What an export says of one photo."""

from __future__ import annotations

from dataclasses import dataclass

from pictell.types import Band


@dataclass(frozen=True)
class AlbumEntry:
    """One photo of an album.

    `text` and `alt` are pictell's caption and alt text, `None` where it has none; `confidence` is in 0..1 and `band` one of
    `pictell.types.BANDS`; `model` is `name@version`. `own` is what a person wrote, which goes first wherever one text is shown.
    `review` is what a person decided about pictell's caption: "accepted" and "edited" ones are in `own` and no longer in `text`,
    a "rejected" one is in neither.
    """

    path: str
    text: str | None = None
    alt: str | None = None
    confidence: float | None = None
    band: Band | None = None
    model: str | None = None
    own: str | None = None
    review: str | None = None

    @property
    def shown(self) -> str | None:
        """The text to show with the photo."""
        return self.own or self.text

    @property
    def described(self) -> str | None:
        """The text to read instead of the photo."""
        return self.own or self.alt or self.text
