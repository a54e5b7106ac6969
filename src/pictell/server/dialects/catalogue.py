"""The names that clients choose from: each model, and each model in a style (`pictell-default:alt`)."""

from __future__ import annotations

from dataclasses import dataclass

from pictell.language import STYLES, Style
from pictell.server.models import Model, Models
from pictell.server.refusals import Refusal

_PLAIN = ("plain", "latest")
# What Hugging Face's client calls the model of an address that is given as a whole.
_ANY = "dummy"


@dataclass(frozen=True)
class Offer:
    """A model in a style. `id` is its name, `tagged` the name as Ollama has it, where each has a tag."""

    model: Model
    base: str
    style: Style = "plain"

    @property
    def id(self) -> str:
        """`pictell-default`, `pictell-default:alt`."""
        return self.base if self.style == "plain" else f"{self.base}:{self.style}"

    @property
    def tagged(self) -> str:
        """`pictell-default:latest`, `pictell-default:alt`."""
        return f"{self.base}:latest" if self.style == "plain" else self.id


def offers(models: Models) -> list[Offer]:
    """All that can be chosen, the default first."""
    found = []
    for model in models.all:
        # Of two versions of a model the later served has its name only with the version.
        base = model.name if models.find(model.name) is model else model.label
        english = model.language.partition("-")[0].lower() == "en"
        found += [Offer(model, base, style) for style in (STYLES if english else STYLES[:1])]
    return found


def choose(models: Models, name: str | None) -> Offer:
    """The offer of this name: with or without version, `:latest` or a style; the default model where none is named.

    Raises:
        Refusal: `unknown-model`, with the list of those there are.

    """
    if not name or name == _ANY:
        return offers(models)[0]
    base, colon, tag = name.rpartition(":")
    if not colon or tag.lower() not in (*_PLAIN, *STYLES) or models.has(name):
        base, tag = name, "plain"
    try:
        model = models.find(base or ":")
    except Refusal:
        there_are = ", ".join(offer.id for offer in offers(models))
        raise Refusal("unknown-model", f"there is no model {name[:100]!r} here; there are: {there_are}") from None
    style = "plain" if tag.lower() in _PLAIN else tag.lower()
    known = [offer for offer in offers(models) if offer.model is model and offer.style == style]
    if not known:
        raise Refusal("unknown-model", f"{base[:100]!r} has no style {style!r}: it does not speak English")
    return known[0]
