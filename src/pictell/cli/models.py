"""`pictell models`: which models are installed, and on what terms."""

from __future__ import annotations

from pictell.cli.options import Json
from pictell.cli.output import emit, emit_json, shown
from pictell.errors import BundleError


def models(as_json: Json = False) -> None:
    """List the installed models and their terms.

    Each with its size, what it was trained on and what that allows, and where it is.
    """
    from pictell.bundle import DEFAULT, installed_bundles

    bundles = installed_bundles()
    if not bundles:
        raise BundleError("unknown-model", "no model is installed; install pictell again")
    for bundle in bundles:
        default = bundle.name == DEFAULT
        if as_json:
            emit_json(
                {
                    "model": bundle.label,
                    "default": default,
                    "bytes": bundle.size,
                    bundle.vocabulary.unit: len(bundle.vocabulary),
                    "terms": bundle.terms,
                    "path": str(bundle.directory),
                }
            )
        else:
            emit(f"{shown(bundle.label)}{' (default)' if default else ''}, {bundle.size / 1e6:.1f} MB")
            emit(f"  {shown(bundle.terms)}")
            emit(f"  {shown(bundle.directory)}")
