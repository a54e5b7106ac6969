"""The OpenVINO engine: the captions of onnxruntime, in full precision and in 8 bits; nothing sent, nothing kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import pictell
from pictell.bundle import Bundle, find_bundle, seal
from pictell.data import load_dataset
from pictell.decoding import SearchOptions, beam_search
from pictell.engines.onnx import OnnxEngine
from pictell.engines.openvino import OpenVinoEngine, _Compiled
from pictell.errors import BundleError, MissingExtraError, OptionError, PictellError
from pictell.models import build_model
from pictell.training.export import export_graphs

if find_spec("openvino") is None:  # not by importing it: that is reported to its makers
    pytest.skip("OpenVINO is not installed", allow_module_level=True)

Noise = Callable[..., NDArray[np.uint8]]

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.jpg"))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The shipped model in full precision."""
    from safetensors.torch import load_file

    shipped, folder = find_bundle(), tmp_path_factory.mktemp("full") / "full"
    shutil.copytree(shipped.directory, folder)
    model = build_model(shipped.architecture, len(shipped.vocabulary))
    halves = load_file(shipped.directory / "model.safetensors")
    model.load_state_dict({name: weight.float() for name, weight in halves.items()})
    export_graphs(model, folder)
    return seal(folder, name="full", version=1, architecture=shipped.architecture, terms="")


@pytest.fixture(scope="module")
def tiny(tiny_bundle: Path) -> OpenVinoEngine:
    return OpenVinoEngine(Bundle.open(tiny_bundle), at_once=2)


def cuts(count: int) -> list[NDArray[np.uint8]]:
    """Parts of the example photos."""
    random, photos = np.random.default_rng(1), [np.asarray(Image.open(path).convert("RGB")) for path in EXAMPLES]
    found = []
    for number in range(count):
        photo = photos[number % len(photos)]
        height, width = (int(side * random.uniform(0.5, 1)) for side in photo.shape[:2])
        top, left = (
            int(random.integers(0, 1 + whole - part)) for whole, part in zip(photo.shape, (height, width), strict=False)
        )
        found.append(photo[top : top + height, left : left + width])
    return found


def captions(model: str, photos: list[Any], **asked: Any) -> list[pictell.Caption]:
    found = pictell.load(model, threads=2).caption_many(photos, force=True, **asked)
    assert all(isinstance(each, pictell.Caption) for each in found)
    return found  # type: ignore[return-value]


def test_full_precision_gives_the_same_captions(full: Bundle) -> None:
    photos = [*EXAMPLES, *cuts(25)]
    ours, wanted = (captions(prefix + str(full.directory), photos, num=3) for prefix in ("openvino:", ""))
    assert len({each.text for each in wanted}) > 10
    assert [each.text for each in ours] == [each.text for each in wanted]
    assert [[a.text for a in each.alternatives] for each in ours] == [
        [a.text for a in each.alternatives] for each in wanted
    ]
    np.testing.assert_allclose([e.log_prob for e in ours], [e.log_prob for e in wanted], rtol=1e-4)


def test_eight_bits_give_the_same_captions_to_the_last_bit() -> None:
    photos = [*EXAMPLES, *cuts(10)]
    ours, wanted = (captions(prefix + "default", photos, features=True) for prefix in ("openvino:", ""))
    for mine, theirs in zip(ours, wanted, strict=True):
        assert (mine.text, mine.log_prob, mine.confidence, mine.model) == (
            theirs.text, theirs.log_prob, theirs.confidence, theirs.model,
        )  # fmt: skip
        assert mine.features is not None
        np.testing.assert_array_equal(mine.features, theirs.features)


@pytest.mark.shared
def test_a_hundred_real_photos_get_the_same_captions(shared_data: Path, full: Bundle) -> None:
    photos = [photo.path for photo in load_dataset(f"flickr8k:{shared_data / 'flickr8k'}", "dev")[:100]]
    for model in ("default", str(full.directory)):
        ours, wanted = (captions(prefix + model, photos) for prefix in ("openvino:", ""))
        assert [each.text for each in ours] == [each.text for each in wanted]


def test_photos_together_and_in_threads_give_what_they_give_alone(
    tiny: OpenVinoEngine, tiny_bundle: Path, noise: Noise
) -> None:
    photos, options = noise(23, seed=1), SearchOptions(beam=3, max_words=12, attention=True)
    reference = OnnxEngine(Bundle.open(tiny_bundle))

    def found(engine: OnnxEngine, some: NDArray[np.uint8]) -> list[Any]:
        return [each[0] for each in beam_search(engine, engine.encode(some), options)]

    wanted = found(reference, photos)
    assert len({each.tokens for each in wanted}) > 10
    with ThreadPoolExecutor(6) as pool:  # more than run at once
        alone = [each for [each] in pool.map(lambda photo: found(tiny, photo[None]), photos)]
    for ours in (alone, found(tiny, photos)):
        assert [each.tokens for each in ours] == [each.tokens for each in wanted]
        np.testing.assert_allclose([e.log_prob for e in ours], [e.log_prob for e in wanted], rtol=1e-4)
        np.testing.assert_allclose(ours[3].attention, wanted[3].attention, atol=1e-4)


def test_the_encoders_run_in_openvino(tiny: OpenVinoEngine, full: Bundle) -> None:
    """An engine that left them to onnxruntime would give the same captions, too."""
    in_full, in_8_bits = OpenVinoEngine(full), OpenVinoEngine(find_bundle())
    for session in (tiny._encoder, tiny._step, in_full._encoder, in_full._step, in_8_bits._encoder):
        assert isinstance(session, _Compiled)
    assert not isinstance(in_8_bits._step, _Compiled)


def test_it_is_part_of_an_ensemble(tiny_bundle: Path, other_tiny_bundle: Path, noise: Noise) -> None:
    photos = list(noise(5))
    mixed, plain = (captions(f"{prefix}{tiny_bundle},{other_tiny_bundle}", photos) for prefix in ("openvino:", ""))
    assert [(each.text, each.model) for each in mixed] == [(each.text, each.model) for each in plain]


def test_nothing_is_sent_and_nothing_kept(tiny_bundle: Path, tmp_path: Path) -> None:
    program = (
        "import socket, sys\n"
        "def refuse(event, arguments):\n"
        "    assert not event.startswith('socket.') or event == 'socket.__new__', event\n"
        "sys.addaudithook(refuse)\n"
        "import numpy, pictell\n"
        "captioner = pictell.load('openvino:' + sys.argv[1])\n"
        "print(captioner.caption(numpy.zeros((32, 32, 3), 'uint8'), force=True).text)\n"
        "assert type(captioner.engine).__name__ == 'OpenVinoEngine'\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_") and name != "CI"}
    done = subprocess.run(
        [sys.executable, "-c", program, tiny_bundle], capture_output=True, text=True, cwd=home,
        env={**kept, "HOME": str(home), "TMPDIR": str(home), "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("word")
    assert not list(home.iterdir())


def test_signals_are_taken_when_engines_have_gone(tiny_bundle: Path) -> None:
    """The first one first, and whatever has taken their memory since."""
    program = (
        "import gc, mmap, signal, sys\n"
        "from pictell.bundle import Bundle\n"
        "from pictell.engines.openvino import OpenVinoEngine\n"
        "engines = [OpenVinoEngine(Bundle.open(sys.argv[1])) for _ in range(3)]\n"
        "while engines:\n"
        "    del engines[0]\n"
        "    gc.collect()\n"
        "kept = [mmap.mmap(-1, 1 << 14, prot=mmap.PROT_READ) for _ in range(99)]\n"
        "signal.signal(signal.SIGINT, lambda *_: print('taken'))\n"
        "signal.raise_signal(signal.SIGINT)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tiny_bundle], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "taken\n", "")


def test_what_is_missing_is_named(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("onnx", "openvino"):
        with monkeypatch.context() as patched:
            patched.setitem(sys.modules, module, None)
            with pytest.raises(MissingExtraError, match=r"^openvino:tiny needs .*: pip install 'pictell\[openvino\]'$"):
                pictell.load(f"openvino:{tiny_bundle}")


def test_what_cannot_be_is_one_line(tiny_bundle: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("", "nothing-of-this-name", "hf:x"):
        with pytest.raises(BundleError, match=f"no model {name!r}"):
            pictell.load(f"openvino:{name}")
    with pytest.raises(OptionError, match="threads must be at least 1"):
        pictell.load(f"openvino:{tiny_bundle}", threads=0)
    with pytest.raises(PictellError, match="at least 1"):
        OpenVinoEngine(Bundle.open(tiny_bundle), at_once=0)
    for damage in (b"not a graph", b"", (tiny_bundle / "step.onnx").read_bytes()[:-100]):
        copy = tmp_path / str(len(damage))
        shutil.copytree(tiny_bundle, copy)
        (copy / "step.onnx").write_bytes(damage)
        with pytest.raises(BundleError, match=r"step\.onnx") as caught:
            OpenVinoEngine(seal(copy, name="copy", version=1, architecture={}, terms=""))
        assert caught.value.kind == "broken-model"
        assert "\n" not in caught.value.message
    assert capfd.readouterr() == ("", "")


def test_operators_that_openvino_lacks_are_one_line(tiny_bundle: Path, tmp_path: Path) -> None:
    import onnx

    copy = tmp_path / "copy"
    shutil.copytree(tiny_bundle, copy)
    model = onnx.load(copy / "step.onnx")
    model.graph.node[0].op_type = "Unheard"
    model.graph.node[0].domain = "of.nobody"
    model.opset_import.append(onnx.helper.make_opsetid("of.nobody", 1))
    onnx.save(model, copy / "step.onnx")
    with pytest.raises(BundleError, match=r"openvino \d[\d.]* cannot run .*step\.onnx: .*Unheard") as caught:
        OpenVinoEngine(seal(copy, name="copy", version=1, architecture={}, terms=""))
    assert "\n" not in caught.value.message


def test_doctor_and_the_service_know_it(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pictell.cli import main
    from pictell.server.about import about

    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--json", "--model", f"openvino:{tiny_bundle}"])
    report = json.loads(capsys.readouterr().out)
    assert ended.value.code in (0, None)
    assert report["engine"]["name"].startswith("openvino 20")
    assert [each["model"] for each in report["models"]] == ["tiny@7"]
    known = about(f"openvino:{tiny_bundle}")
    assert (known.load, known.label) == (f"openvino:{tiny_bundle}", "tiny@7")
