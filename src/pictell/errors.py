"""One error family: every failure that a person can mend has a `kind` (for programs) and a `message` (for people)."""

from __future__ import annotations


class PictellError(Exception):
    """A failure with a name.

    `kind` is a short stable word for programs (`"truncated"`, `"missing"`, `"too-large"` ...); `message` is one line for
    people, which names the thing that failed and, where there is one, the remedy.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (type(self), self.message), self.__dict__  # as it is, whatever its class is made from


class PhotoError(PictellError):
    """A picture that cannot be opened: truncated, empty, not a picture, too large, a format outside the allow-list."""


class RegionError(PhotoError):
    """Region features of a photo that are missing or damaged, or that do not fit the model."""


class BundleError(PictellError):
    """A model bundle that is missing, altered, incomplete or from a newer major version of the format."""


class OptionError(PictellError):
    """Something is asked for that cannot be: out of its range, unknown, or against something else that is asked for."""

    def __init__(self, message: str) -> None:
        super().__init__("option", message)


class DataError(PictellError):
    """A data set, split or file of captions that is not there or not in its official layout."""


class RecipeError(PictellError):
    """A training recipe that names something unknown or asks for something that cannot be."""


class CheckpointError(PictellError):
    """Someone else's checkpoint, or the words or encoder given with it, that cannot become a bundle."""


class MetadataError(PictellError):
    """Words that cannot be read from a photo or its sidecar, or not be written there; what was there is untouched."""


class LibraryError(PictellError):
    """A library of photos (its database) that is in use, of a later version, something else, or out of reach."""


class MissingExtraError(PictellError):
    """A command or format whose optional dependency is not installed; the message says which install brings it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__("missing-extra", f"{what} needs an optional part: pip install 'pictell[{extra}]'")
        self.extra = extra


def _again(family: type[PictellError], message: str) -> PictellError:
    error = family.__new__(family)
    error.args = (message,)
    return error
