"""The README's commands and Python run as they stand, each in bounded time.

The two set-up lines are run by `.ci/run` instead, and `pip install` lines by whoever made this environment. Data sets are
stood in for by tiny ones in the same layouts, and the training by one epoch a phase of a tiny network.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pictell.bundle import installed_bundles

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 120
READMES = ("README.md", "README.zh-CN.md")
SMALL = (
    "model.encoder.size=64 model.decoder.embedding=8 model.decoder.hidden=16 model.decoder.output=16 "
    "model.decoder.heads=2 data.min_count=1 batch_size=4 phases.0.epochs=1 phases.1.epochs=1 phases.2.epochs=1"
)

needs_default = pytest.mark.skipif(not installed_bundles(), reason="no model is installed with the package")


def blocks(readme: str, language: str) -> list[str]:
    """The fenced blocks of a README in a language, without the two set-up lines, which a comment marks."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    found = re.findall(rf"(<!-- \w+ -->\n)?```{language}\n(.*?)```", text, re.S)
    return [block for marked, block in found if not marked]


def commands(readme: str) -> list[str]:
    """The commands of a README, one a line, but for installations."""
    lines = [line for block in blocks(readme, "bash") for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("pip install")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a clone has it, where the commands are run, with small data sets and fresh weights beside it."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("examples", "recipes"):
        shutil.copytree(ROOT / name, folder / name)
    random = np.random.default_rng(1)

    def photo(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (8, 8, 3), np.uint8)).resize((80, 80)).save(path)

    texts = folder / "FLICKR8K" / "Flickr8k_text"
    texts.mkdir(parents=True)
    names = [f"{number}.jpg" for number in range(12)]
    for name in names:
        photo(folder / "FLICKR8K" / "Flicker8k_Dataset" / name)
    captions = [f"{name}#{k}\tA photo of number {number} ." for number, name in enumerate(names) for k in range(2)]
    (texts / "Flickr8k.token.txt").write_text("\n".join(captions), encoding="utf-8")
    for split, part in (("train", names[:6]), ("dev", names[6:9]), ("test", names[9:])):
        (texts / f"Flickr_8k.{split}Images.txt").write_text("\n".join(part), encoding="utf-8")
    images = [{"id": number, "file_name": f"COCO_train2014_{number:012d}.jpg"} for number in range(4)]
    for image in images:
        photo(folder / "COCO" / "train2014" / str(image["file_name"]))
    annotations = [{"id": n, "image_id": image["id"], "caption": "A thing."} for n, image in enumerate(images)]
    (folder / "COCO" / "annotations").mkdir()
    text = json.dumps({"images": images, "annotations": annotations})
    (folder / "COCO" / "annotations" / "captions_train2014.json").write_text(text, encoding="utf-8")
    return folder


def write_weights(folder: Path) -> None:
    """Fresh MobileNetV2 weights in the layout of `transformers`; the biases keep features from vanishing in half precision."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    from pictell.models.encoders.mobilenet_v2 import MobileNetV2

    tensors = {}
    for name, conv in MobileNetV2(64)._convolutions():
        channels = conv.out_channels
        tensors[f"mobilenet_v2.{name}.convolution.weight"] = conv.weight.detach().contiguous()
        for part, value in (("weight", 1.0), ("bias", 0.1), ("running_mean", 0.0), ("running_var", 1.0)):
            tensors[f"mobilenet_v2.{name}.normalization.{part}"] = torch.full((channels,), value)
    folder.mkdir()
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text('{"layer_norm_eps": 0.001}', encoding="utf-8")


def run(line: str, folder: Path) -> str:
    """What a command prints; it must end well and in time."""
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        line,
        shell=True,
        executable="/bin/bash",
        cwd=folder,
        # What a command keeps among the user's data stays beside the rest.
        env={
            **os.environ,
            "PATH": search,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "XDG_DATA_HOME": str(folder / "data"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


@needs_default
@pytest.mark.parametrize(
    "line", [line for line in commands("README.md") if "my-model" not in line and "train" not in line]
)
def test_commands_of_the_shipped_model(line: str, place: Path) -> None:
    assert run(line, place).strip()


def test_training_commands(place: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("yaml")
    write_weights(place / "MOBILENET_V2")
    lines = [line for line in commands("README.md") if "my-model" in line or "train" in line]
    assert [line.split()[1] for line in lines] == ["train", "export", "evaluate"]
    for line in lines:
        run(f"{line} {SMALL}" if " train " in line else line, place)
    assert (place / "my-model" / "config.json").is_file()


@needs_default
@pytest.mark.parametrize("block", blocks("README.md", "python"))
def test_python_of_the_readme(block: str, place: Path) -> None:
    (place / "readme.py").write_text(block, encoding="utf-8")
    printed = run(f"{sys.executable} readme.py", place).splitlines()
    assert len(printed) == 3
    assert "no-such.jpg" in printed[-1]


@needs_default
def test_json_has_the_fields_that_the_readme_shows(place: Path) -> None:
    shown = [json.loads(line) for block in blocks("README.md", "json") for line in block.splitlines()]
    (place / "broken.jpg").write_bytes((ROOT / "examples/cat.jpg").read_bytes()[:5000])
    Image.new("RGB", (60, 40)).save(place / "page.png")
    output = subprocess.run(
        [sys.executable, "-m", "pictell", "caption", "examples/cat.jpg", "broken.jpg", "page.png", "--json"],
        cwd=place, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip
    printed = [json.loads(line) for line in output.stdout.splitlines()]
    assert [set(line) for line in printed] == [set(line) for line in shown]
    assert printed[1]["error"]["kind"] == shown[1]["error"]["kind"]


def test_readmes_keep_pace() -> None:
    """Both languages show the same commands, code and pictures."""
    texts = [(ROOT / readme).read_text(encoding="utf-8") for readme in READMES]
    fences = [re.findall(r"```(\w+)\n(.*?)```", text, re.S) for text in texts]
    assert fences[0] == fences[1]
    pictures = [re.findall(r"!\[.*?\]\((.*?)\)", text) for text in texts]
    assert pictures[0] == pictures[1]
    numbers = [re.findall(r"\| *\**([\d.]+)\** *(?=\|)", text) for text in texts]
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("readme", READMES)
def test_links_of_the_readme_lead_somewhere(readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    missing = [
        link for link in re.findall(r"\]\(([^)#]+)", text) if not link.startswith("http") and not (ROOT / link).exists()
    ]
    assert missing == []
