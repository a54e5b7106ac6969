"""Seconds a photo and peak memory beside vision-language captioners of full size, on the same cores in one run.

    python benchmarks/peers.py [--photos 5] [--beam 5] [--words 10] [--threads 2]

BLIP-base and ViT-GPT2 are built from the configurations of `transformers` with random weights, so nothing is downloaded; time
does not depend on what the weights are. They are made to say as many tokens as the captions of pictell have words (a real
one says more tokens than words, so they are let off lightly). Each model is a process of its own, by turns, and a photo
is captioned alone, from the file to the sentence, preprocessing included. Needs `transformers` and PyTorch.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent))
from photos_to_measure import write_photos

PEERS = ("pictell", "BLIP-base", "ViT-GPT2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--words", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--measure", choices=PEERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measured(options)))
        return
    found: dict[str, list[dict[str, float]]] = {name: [] for name in PEERS}
    with tempfile.TemporaryDirectory() as temporary:
        write_photos(Path(temporary), options.photos, (640, 480))
        for _ in range(options.rounds):
            for name in PEERS:
                command = [sys.executable, __file__, "--measure", name, "--folder", temporary]
                for setting in ("beam", "words", "threads"):
                    command += [f"--{setting}", str(getattr(options, setting))]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    sys.exit(done.stderr)
                found[name].append(json.loads(done.stdout.splitlines()[-1]))
    table = Table(
        title=f"a photo alone, {options.threads} threads, beam {options.beam}, {options.words} words, "
        f"median of {options.rounds} rounds of {options.photos} photos by turns"
    )
    for column in ("model", "M weights", "s a photo", "times pictell's", "peak MB"):
        table.add_column(column, justify="left" if column == "model" else "right")
    seconds = {name: statistics.median(each["seconds"] for each in runs) for name, runs in found.items()}
    for name, runs in found.items():
        table.add_row(
            name,
            f"{runs[0]['weights'] / 1e6:.0f}",
            f"{seconds[name]:.4f}",
            f"{seconds[name] / seconds['pictell']:.0f}" if name != "pictell" else "",
            f"{statistics.median(each['peak'] for each in runs) / 1e6:.0f}",
        )
    Console().print(table)


def measured(options: argparse.Namespace) -> dict[str, float]:
    """Median seconds a photo of this process's model, its weights, and the most memory the process had."""
    caption, weights = {"pictell": pictell_captions, "BLIP-base": blip, "ViT-GPT2": vit_gpt2}[options.measure](options)
    photos = sorted(options.folder.glob("*.jpg"))
    caption(photos[0])
    times = []
    for photo in photos:
        begun = time.perf_counter()
        caption(photo)
        times.append(time.perf_counter() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": statistics.median(times), "weights": weights, "peak": peak}


def pictell_captions(options: argparse.Namespace) -> tuple[Callable[[Path], Any], int]:
    from safetensors.numpy import load_file

    import pictell

    captioner = pictell.load(threads=options.threads)
    words = options.words

    def caption(photo: Path) -> None:
        told = captioner.caption(photo, beam=options.beam, min_words=words, max_words=words, force=True)
        assert len(told.words) == words

    weights = load_file(captioner.bundle.directory / "model.safetensors")
    return caption, sum(weight.size for weight in weights.values())


def blip(options: argparse.Namespace) -> tuple[Callable[[Path], Any], int]:
    import torch
    from transformers import BlipConfig, BlipForConditionalGeneration

    torch.set_num_threads(options.threads)
    model = BlipForConditionalGeneration(BlipConfig()).eval()
    return generating(model, model.config.vision_config.image_size, options)


def vit_gpt2(options: argparse.Namespace) -> tuple[Callable[[Path], Any], int]:
    import torch
    from transformers import GPT2Config, VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTConfig

    torch.set_num_threads(options.threads)
    decoder = GPT2Config(add_cross_attention=True, is_decoder=True)
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(), decoder)
    config.decoder_start_token_id = config.pad_token_id = decoder.bos_token_id
    model = VisionEncoderDecoderModel(config).eval()
    return generating(model, config.encoder.image_size, options, pad_token_id=decoder.eos_token_id)


def generating(
    model: Any, size: int, options: argparse.Namespace, **settings: Any
) -> tuple[Callable[[Path], Any], int]:
    import torch

    def caption(photo: Path) -> None:
        picture = Image.open(photo).convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.asarray(picture, np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
        with torch.inference_mode():
            told = model.generate(
                pixel_values=pixels, num_beams=options.beam, min_new_tokens=options.words,
                max_new_tokens=options.words, **settings,
            )  # fmt: skip
        assert told.shape[1] >= options.words

    return caption, sum(parameter.numel() for parameter in model.parameters())


if __name__ == "__main__":
    main()
