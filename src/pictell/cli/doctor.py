"""`pictell doctor`: is everything there that captioning needs, and does it work?"""

from __future__ import annotations

import importlib
import platform
import time
from typing import Any

import typer

from pictell import __version__
from pictell.cli.extras import EXTRAS, missing_modules
from pictell.cli.options import Json, Model
from pictell.cli.output import emit, emit_json, say, shown
from pictell.errors import PictellError
from pictell.speech import installed_voices

# Module -> the distribution that brings it.
_CORE = {"numpy": "numpy", "onnxruntime": "onnxruntime", "PIL": "pillow", "typer": "typer", "rich": "rich"}


def doctor(model: Model = None, as_json: Json = False) -> None:
    """Check the installation and caption a built-in picture.

    Prints versions, the engine, cores, models (every file's checksum is verified) and optional parts. The exit code is 1
    if something is broken; what and its remedy are named on standard error.
    """
    problems: list[str] = []
    report: dict[str, Any] = {
        "pictell": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": _versions(problems),
        "extras": _extras(),
        "voices": [voice.name for voice in installed_voices()],
    }
    if not problems:
        report |= _formats()
        report["models"] = _models(model, problems)
        report |= _run(model, problems)
    report["problems"] = problems
    if as_json:
        emit_json(report)
    else:
        for line in _lines(report):
            emit(line)
    for problem in problems:
        say(problem)
    if problems:
        raise typer.Exit(1)


def _versions(problems: list[str]) -> dict[str, str]:
    from importlib import metadata

    versions = {}
    for module, distribution in _CORE.items():
        try:
            importlib.import_module(module)
            versions[distribution] = metadata.version(distribution)
        except Exception as error:  # a broken binary may raise anything
            remedy = f"pip install --force-reinstall {distribution}"
            problems.append(f"{distribution} cannot be used ({_one_line(error)}); try: {remedy}")
    return versions


def _extras() -> dict[str, dict[str, Any]]:
    missing = {extra: missing_modules(extra) for extra in EXTRAS}
    return {extra: {"present": not modules, "missing": modules} for extra, modules in missing.items()}


def _formats() -> dict[str, Any]:
    from PIL import features

    optional = {"WebP": features.check("webp"), "AVIF": features.check("avif")}
    heif = not missing_modules("heif")
    there = [name for name, present in optional.items() if present]
    return {"formats": ["JPEG", "PNG", "GIF", "BMP", "TIFF", "PPM", *there, *(["HEIC"] if heif else [])]}


def _models(model: str | None, problems: list[str]) -> list[dict[str, Any]]:
    from pictell.bundle import installed_bundles
    from pictell.captioner import bundle_named, is_hugging_face, models_named

    found: list[dict[str, Any]] = []
    try:
        # One that is not whole is named by opening it; the picture then tells whether the one asked for works.
        if is_hugging_face(model):
            return []  # no bundle; opening it checks it
        bundles = installed_bundles() if model is None else [bundle_named(each) for each in models_named(model)]
        if not bundles:
            problems.append("no model is installed; install pictell again")
        for bundle in bundles:
            entry = {"model": bundle.label, "path": str(bundle.directory), "bytes": bundle.size, "intact": True}
            found.append(entry)
            try:
                bundle.check()
            except PictellError as error:
                entry["intact"] = False
                problems.append(error.message)
    except PictellError as error:
        problems.append(error.message)
    return found


def _run(model: str | None, problems: list[str]) -> dict[str, Any]:
    """The engine, and what it makes of the built-in picture."""
    from importlib import metadata, resources

    from pictell.captioner import is_hugging_face, is_openvino, load, usable_cores

    runs = "transformers" if is_hugging_face(model) else "openvino" if is_openvino(model) else "onnxruntime"
    installed = importlib.util.find_spec(runs) is not None
    engine = {
        "name": f"{runs} {metadata.version(runs) if installed else '(missing)'}",
        "device": "CPU",
        "cores": usable_cores(),
    }
    try:
        begun = time.perf_counter()
        captioner = load(model)
        loaded = time.perf_counter()
        engine["threads"] = captioner.threads
        caption = captioner.caption(resources.files("pictell").joinpath("assets/cat.jpg").read_bytes())
        done = time.perf_counter()
    except PictellError as error:
        if not problems:  # otherwise it was said already
            problems.append(error.message)
        return {"engine": engine}
    except Exception as error:  # whatever it is, telling is what this command is for
        problems.append(f"captioning fails ({_one_line(error)}); install pictell again")
        return {"engine": engine}
    picture = {
        "text": caption.text,
        "model": caption.model,
        "load_ms": round(1000 * (loaded - begun), 1),
        "caption_ms": round(1000 * (done - loaded), 1),
    }
    return {"engine": engine, "picture": picture}


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _lines(report: dict[str, Any]) -> list[str]:
    rows = [
        ("pictell", f"{report['pictell']} on Python {report['python']}, {report['platform']}"),
        ("libraries", ", ".join(f"{name} {version}" for name, version in report["versions"].items())),
    ]
    if "engine" in report:
        engine = report["engine"]
        threads = f", {engine['threads']} threads" if "threads" in engine else ""
        rows.append(("engine", f"{engine['name']} on the {engine['device']}, {engine['cores']} cores{threads}"))
        rows.append(("formats", ", ".join(report["formats"])))
    for entry in report.get("models", ()):
        state = "intact" if entry["intact"] else "DAMAGED"
        rows.append(("model", f"{entry['model']}, {entry['bytes'] / 1e6:.1f} MB, {state}: {entry['path']}"))
    for extra, state in report["extras"].items():
        remedy = f"not installed (pip install 'pictell[{extra}]')"
        rows.append(("optional", f"{extra}: {'installed' if state['present'] else remedy}"))
    rows.append(("voice", ", ".join(report["voices"]) or "none for reading aloud (install espeak-ng)"))
    if picture := report.get("picture"):
        took = f"{picture['caption_ms']:.0f} ms, after {picture['load_ms']:.0f} ms to load the model"
        rows.append(("picture", f"{picture['text']} ({took})"))
    if not report["problems"]:
        rows.append(("verdict", "all is well"))
    return [f"{name + ':':<11}{shown(text)}" for name, text in rows]
