"""pictell looks at a photo and says what is in it.

import pictell
captioner = pictell.load()
print(captioner.caption("dog.jpg").text)
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from pictell.errors import PictellError
from pictell.types import Alternative, Caption, Photo, Word

if TYPE_CHECKING:
    from pictell import metrics
    from pictell.captioner import Captioner, load
    from pictell.steering import CaptionOptions

# onnxruntime reports its use to its makers, and keeps a number of the machine in the home folder, unless this is set before it is
# imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"

__all__ = [
    "Alternative",
    "Caption",
    "CaptionOptions",
    "Captioner",
    "Photo",
    "PictellError",
    "Word",
    "__version__",
    "load",
    "metrics",
]

# Imported when first asked for: `pictell --help` and `pictell.metrics` have no need of onnxruntime.
_LAZY = {
    "CaptionOptions": "pictell.steering",
    "Captioner": "pictell.captioner",
    "load": "pictell.captioner",
    "metrics": "pictell.metrics",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'pictell' has no attribute {name!r}")
    module = importlib.import_module(_LAZY[name])
    value = module if _LAZY[name] == f"pictell.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
