"""Checkpoints of self-critical.pytorch that read bottom-up features say what their equations say of as many as there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkpoints import CHANNELS, HEADS, KINDS, Write, tensors_of

import pictell
from pictell.engines.onnx import OnnxEngine
from pictell.errors import CheckpointError, OptionError
from pictell.importing import import_checkpoint
from pictell.regions import Regions, RegionSettings

COUNTS = (1, 4, 9)
LUO = [kind for kind in KINDS if kind != "im2txt"]


@pytest.mark.parametrize("kind", LUO)
@pytest.mark.parametrize("boxes", [False, True])
def test_regions_are_what_the_equations_are_given(kind: str, boxes: bool, write: Write, tmp_path: Path) -> None:
    """Each photo alone in numpy, with its own regions; together here, filled up."""
    path, words = write(kind)
    bundle = import_checkpoint(
        path, words, None, tmp_path / "bundle", name="theirs", heads=HEADS, regions=max(COUNTS) + 2, boxes=boxes
    ).bundle
    width = CHANNELS - 5 * boxes
    assert bundle.regions == RegionSettings(max(COUNTS) + 2, width, boxes)
    assert "encoder.onnx" not in bundle.files
    generator = np.random.default_rng(0)
    found = []
    for count in COUNTS:
        corners = np.sort(generator.uniform(0, 1, (count, 2, 2)), axis=1).reshape(count, 4)
        found.append(Regions(generator.uniform(0.1, 2, (count, width)).astype(np.float32), corners.astype(np.float32)))
    rows = np.stack([bundle.regions.fit(each, "") for each in found])
    engine = OnnxEngine(bundle)
    log_probs, _, _ = engine.step(np.full(len(COUNTS), 1), engine.start(engine.encode(rows)))
    arrays = {name: array.astype(np.float32).astype(np.float64) for name, array in tensors_of(kind).items()}
    for count, grid, said in zip(COUNTS, rows, log_probs, strict=True):
        expected = KINDS[kind].log_probs(arrays, grid[:count].astype(np.float64), [0])
        np.testing.assert_allclose(np.sort(said[2:]), np.sort(expected), atol=2e-4)
        assert abs(said[2] - expected[0]) < 2e-4
    captioner = pictell.load(bundle.directory, regions={str(number): each for number, each in enumerate(found)})
    assert captioner.caption("1").text


def test_an_encoder_or_regions(write: Write, tmp_path: Path) -> None:
    path, words = write("updown-bn2")
    to = tmp_path / "bundle"
    for encoder, regions, boxes in (("default", 9, False), (None, None, False), ("default", None, True)):
        with pytest.raises(OptionError, match="--regions N"):
            import_checkpoint(path, words, encoder, to, name="theirs", regions=regions, boxes=boxes)
    import_checkpoint(path, words, None, to, name="theirs", regions=9)
    with pytest.raises(CheckpointError, match="not photos: leave --encoder out for --regions N"):
        import_checkpoint(path, words, str(to), tmp_path / "other", name="theirs")
    with pytest.raises(CheckpointError, match="regions is 0"):
        import_checkpoint(path, words, None, to, name="theirs", regions=0)
