"""The examples that run a bundle without pictell say what pictell says."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from pictell.bundle import Bundle
from pictell.decoding import SearchOptions, greedy
from pictell.engines.onnx import OnnxEngine

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / "src/pictell/bundles/pictell-default"
ONNX_WEB = Path(os.environ.get("PICTELL_NODE_MODULES", ROOT / "node_modules")) / "onnxruntime-web/dist"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Ten photos of the size that the model sees, without loss: how programs scale and unpack photos is not the question."""
    folder = tmp_path_factory.mktemp("photos")
    paths = []
    for source in sorted((ROOT / "examples").glob("*.jpg")):
        with Image.open(source) as opened:
            photo = opened.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
        for name, picture in ((source.stem, photo), (f"{source.stem}-mirrored", ImageOps.mirror(photo))):
            paths.append(folder / f"{name}.png")
            picture.save(paths[-1])
    assert len(paths) == 10
    return paths


@pytest.fixture(scope="module")
def expected(photos: list[Path]) -> list[str]:
    bundle = Bundle.open(BUNDLE)
    engine = OnnxEngine(bundle)
    pixels = np.stack([np.asarray(Image.open(path)) for path in photos])
    found = greedy(engine, engine.encode(pixels), SearchOptions(max_words=bundle.generation.max_words))
    texts = [" ".join(bundle.vocabulary.to_words(each[0].tokens)) for each in found]
    assert len(set(texts)) > 5
    return texts


def test_python(photos: list[Path], expected: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / "examples/onnx/caption.py"), str(BUNDLE), *map(str, photos)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == expected


@pytest.fixture
def site(photos: list[Path], tmp_path: Path) -> Iterator[str]:
    """The address of a folder with the example, the bundle, onnxruntime-web and the photos."""
    if not (ONNX_WEB / "ort.wasm.min.mjs").is_file():
        pytest.skip(
            "no onnxruntime-web: npm install onnxruntime-web, and PICTELL_NODE_MODULES names another node_modules"
        )
    shutil.copy(ROOT / "examples/onnx/caption.js", tmp_path)
    (tmp_path / "index.html").write_text("<!doctype html><title>captions</title>", encoding="utf-8")
    for name, folder in (("bundle", BUNDLE), ("ort", ONNX_WEB), ("photos", photos[0].parent)):
        (tmp_path / name).symlink_to(folder)
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_javascript_in_a_browser(site: str, photos: list[Path], expected: list[str]) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        page = browser.new_page()
        page.goto(site)
        said = page.evaluate(
            """async (names) => {
                const ort = await import("./ort/ort.wasm.min.mjs");
                ort.env.wasm.numThreads = 1;
                ort.env.wasm.wasmPaths = new URL("./ort/", location.href).href;
                const { load } = await import("./caption.js");
                const caption = await load(ort, "bundle/");
                const said = [];
                for (const name of names) {
                    const photo = new Image();
                    photo.src = "photos/" + name;
                    await photo.decode();
                    said.push(await caption(photo));
                }
                return said;
            }""",
            [path.name for path in photos],
        )
        browser.close()
    assert said == expected
