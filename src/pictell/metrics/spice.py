"""SPICE (Anderson et al. 2016, arXiv:1607.08822), by the reference program itself.

SPICE parses captions with Stanford CoreNLP and compares scene graphs; there is no small way to the same numbers. So
this runs the Java program that the package `pycocoevalcap` carries, where Java and the parser's models are there.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pictell.errors import PictellError

VERSION = "spice 1.0 (Java)"

_JARS = ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar")
_FETCH = 'python -c "from pycocoevalcap.spice.get_stanford_models import *; get_stanford_models()"'


def missing() -> list[str]:
    """What SPICE lacks on this machine, one sentence each; empty where it can run. Nothing is fetched."""
    found = importlib.util.find_spec("pycocoevalcap")
    if found is None or not found.submodule_search_locations:
        return ["the package pycocoevalcap: pip install 'pictell[metrics]'"]
    lacks = []
    if shutil.which("java") is None:
        lacks.append("Java: install a runtime of version 8 or newer and put `java` on the PATH")
    folder = Path(found.submodule_search_locations[0]) / "spice"
    jars = [name for name in _JARS if not (folder / "lib" / name).is_file()]
    if jars:
        lacks.append(f"{' and '.join(jars)} in {folder / 'lib'}: {_FETCH} fetches them (400 MB, from nlp.stanford.edu)")
    return lacks


def spice(references: Sequence[Sequence[str]], candidates: Sequence[str]) -> tuple[float, list[float]]:
    """SPICE of one candidate for each image: the mean and each image's F score, all in 0..1.

    Captions are texts whose tokens are parted by spaces. An image whose captions have no scene graph at all scores NaN
    in the reference, and so it does here. Raises `PictellError` (`"missing"`) that says all that is missing, or
    (`"java"`) where the program fails.
    """
    if lacks := missing():
        raise PictellError("missing", "SPICE cannot run here, it lacks " + "; and ".join(lacks))
    from pycocoevalcap.spice.spice import Spice

    try:
        mean, details = Spice().compute_score(
            {number: list(captions) for number, captions in enumerate(references)},
            {number: [caption] for number, caption in enumerate(candidates)},
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise PictellError("java", f"the SPICE program failed: {' '.join(str(error).split())}") from error
    per_image: list[Any] = [image["All"]["f"] for image in details]
    return float(mean), [float(number) for number in per_image]
