"""Captions as JSON has them, and back: the one shape that the command line, the service and its client share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pictell.errors import PictellError
from pictell.types import Alternative, Caption, Word


def fields_of(
    result: Caption | PictellError, *, exact: bool = False, features: bool = False, attention: bool = False
) -> dict[str, Any]:
    """What JSON says of a photo, beside its path; rounded for people unless it is to be `exact`.

    With `features` what the photo looks like to the encoder is said too, with `attention` where the decoder looked for each
    word, where the caption brings it.
    """
    if isinstance(result, PictellError):
        return {"error": {"kind": result.kind, "message": result.message}}
    rounded, probability = (_as_is, _as_is) if exact else (_rounded, _probability)
    return {
        "text": result.text,
        **({"reason": result.reason} if result.text is None else {}),
        **({"style": result.style, "raw": result.raw} if result.raw is not None else {}),
        "log_prob": rounded(result.log_prob),
        "confidence": None if result.confidence is None else rounded(result.confidence),
        "band": result.band,
        "words": [{"text": word.text, "prob": probability(word.prob)} for word in result.words],
        "alternatives": [{"text": other.text, "log_prob": rounded(other.log_prob)} for other in result.alternatives],
        "model": result.model,
        **({"features": result.features.tolist()} if features and result.features is not None else {}),
        **({"attention": _maps(result.attention, exact)} if attention and result.attention is not None else {}),
    }


def result_of(fields: Mapping[str, Any]) -> Caption | PictellError:
    """What `fields_of` was given; equal to it where the fields are exact.

    Raises:
        PictellError: of kind `answer`, where these are no such fields.

    """
    try:
        if "error" in fields:
            return PictellError(str(fields["error"]["kind"]), str(fields["error"]["message"]))
        return Caption(
            text=None if fields["text"] is None else str(fields["text"]),
            log_prob=float(fields["log_prob"]),
            model=str(fields["model"]),
            words=tuple(Word(str(word["text"]), float(word["prob"])) for word in fields["words"]),
            alternatives=tuple(Alternative(str(a["text"]), float(a["log_prob"])) for a in fields["alternatives"]),
            confidence=None if fields["confidence"] is None else float(fields["confidence"]),
            reason=fields.get("reason"),
            style=str(fields.get("style", "plain")),
            raw=fields.get("raw"),
            features=_array(fields.get("features")),
            attention=_array(fields.get("attention")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PictellError("answer", "this is not the JSON of a caption") from error


def _as_is(value: float) -> float:
    return float(value)


def _rounded(value: float) -> float:
    return round(value, 4)


def _probability(value: float) -> float:
    return float(f"{value:.4g}")


def _maps(maps: Any, exact: bool) -> list[list[list[float]]]:
    """(T, G, G) as lists."""
    values: list[list[list[float]]] = maps.tolist()
    return values if exact else [[[round(each, 4) for each in row] for row in rows] for rows in values]


def _array(values: Any) -> Any:
    if values is None:
        return None
    import numpy as np

    return np.array(values, dtype=np.float32)
