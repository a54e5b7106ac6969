"""Errors go from process to process as they are."""

from __future__ import annotations

import pickle

import pytest

from pictell import errors
from pictell.errors import MissingExtraError, OptionError, PictellError

FAMILY = [
    OptionError("--beam is 0; it must be at least 1") if kind is OptionError
    else MissingExtraError("a voice", "speech") if kind is MissingExtraError
    else kind("a-kind", "what is wrong, and the remedy")
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, PictellError)
]  # fmt: skip


@pytest.mark.parametrize("error", FAMILY, ids=lambda error: type(error).__name__)
def test_an_error_comes_through_a_pipe(error: PictellError) -> None:
    found = pickle.loads(pickle.dumps(error))
    assert type(found) is type(error)
    assert found.__dict__ == error.__dict__
    assert str(found) == str(error) == error.message
