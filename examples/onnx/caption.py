"""Runs a bundle with numpy, Pillow and onnxruntime alone: python caption.py BUNDLE PHOTO... prints a caption a photo."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

PAD, START, END, UNKNOWN = range(4)
bundle = Path(sys.argv[1])
encoder, start, step = (onnxruntime.InferenceSession(bundle / f"{name}.onnx") for name in ("encoder", "start", "step"))
words = json.loads((bundle / "vocabulary.json").read_text(encoding="utf-8"))["tokens"]
side = json.loads((bundle / "preprocessing.json").read_text(encoding="utf-8"))["size"]
longest = json.loads((bundle / "generation.json").read_text(encoding="utf-8"))["max_words"]

for photo in sys.argv[2:]:
    picture = Image.open(photo).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    [grid] = encoder.run(["grid"], {"pixels": np.asarray(picture)[None]})  # (1, R, D)
    names = [output.name for output in start.get_outputs()]
    given = dict(zip(names, start.run(names, {"grid": grid}), strict=True))  # memory.* and state.*
    token, caption = START, []
    while len(caption) < longest:
        names = [output.name for output in step.get_outputs()]
        told = dict(zip(names, step.run(names, {"tokens": np.array([token]), **given}), strict=True))
        scores = told["log_probs"][0]  # (V,)
        scores[[PAD, START, UNKNOWN]] = -np.inf
        token = int(scores.argmax())  # the most probable word: greedy search
        if token == END:
            break
        caption.append(words[token])
        given |= {name.replace("next.", "state."): value for name, value in told.items() if name.startswith("next.")}
    print(" ".join(caption))
