"""What one request may cost: it is bounded before anything is searched, whatever its options and pictures are."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from server_helpers import Served, base64_of, data_url, picture, running

import pictell
from pictell.client import Client
from pictell.errors import PictellError
from pictell.server.refusals import Refusal
from pictell.server.service import Service
from pictell.server.settings import Settings
from pictell.steering import CaptionOptions


@pytest.fixture(scope="module")
def small(tiny_bundle: Path) -> Iterator[Served]:
    """A service that takes next to nothing: a plain caption has 36 steps."""
    with running("--model", tiny_bundle, "--max-steps", "100", "--max-megapixels", "0.01") as service:
        yield service


@pytest.mark.parametrize(
    ("count", "options"),
    [
        (64, {"beam": 30}),
        (64, {"num": 30}),
        (3, {"beam": 100, "max_words": 100, "min_words": 100, "attention": True}),
        (1, {"beam": 100, "max_words": 100, "must": "word1,word2,word3"}),
        (1, {"beam": 60, "num": 60, "diversity": 1.0, "max_words": 100, "must": ["word1", "word2", "word3|word4"]}),
        (3, {"sample": True, "num": 100, "max_words": 100}),
        (64, {"beam": 8, "must": "word1,word2,word3", "features": True}),
    ],
)
def test_what_would_take_long_is_refused_at_once(served: Served, count: int, options: dict[str, Any]) -> None:
    images = [base64_of(picture())] * count
    served.post({"image": images[0]})
    begun = time.monotonic()
    answer = served.post({"images": images, **options})
    assert (answer.status, answer.kind) == (413, "too-costly")
    assert "20,000" in answer.json["error"]["message"]
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("count", "options"),
    [
        (64, {"num": 10}),
        (1, {"beam": 100, "max_words": 100, "min_words": 100, "attention": True}),
        (1, {"beam": 100, "must": "word1,word2,word3"}),
        (2, {"sample": True, "num": 100, "max_words": 100}),
    ],
)
def test_what_does_not_is_done(served: Served, count: int, options: dict[str, Any]) -> None:
    answer = served.post({"images": [base64_of(picture())] * count, "force": True, **options})
    assert answer.status == 200
    assert len(answer.json["results"]) == count


@pytest.mark.parametrize("name", ["must", "must_not"])
def test_no_list_of_words_is_longer_than_the_limit(served: Served, name: str) -> None:
    words = "|".join(f"word{number % 30}" for number in range(1000))
    answer = served.post({"image": base64_of(picture()), name: words})
    assert (answer.status, answer.kind) == (400, "option")
    assert "2000 characters" in answer.json["error"]["message"]


def test_steps_are_counted_as_the_search_has_them(tiny_bundle: Path) -> None:
    captioner = pictell.load(tiny_bundle)
    assert captioner.steps(CaptionOptions()) == 3 * 12
    assert captioner.steps(CaptionOptions(beam=5, max_words=7)) == 5 * 7
    assert captioner.steps(CaptionOptions(num=9)) == 9 * 12
    assert captioner.steps(CaptionOptions(must="word1, word2|word3")) == 4 * 3 * 12
    assert captioner.steps(CaptionOptions(sample=True, num=2)) == 2 * 12
    assert captioner.steps(CaptionOptions(num=6, diversity=0.5)) == 6 * 12


def test_of_a_hugging_face_model_too(hf_folders: dict[str, Path]) -> None:
    captioner = pictell.load(f"hf:{hf_folders['vit-gpt2']}")
    assert captioner.steps(CaptionOptions()) == 4 * 16
    assert captioner.steps(CaptionOptions(num=6)) == 6 * 16
    assert captioner.steps(CaptionOptions(sample=True, max_words=2)) == 2 * 4
    with pytest.raises(PictellError, match="must cannot be asked"):
        captioner.steps(CaptionOptions(must="dog"))


async def _accept(service: Service, count: int, **options: Any) -> None:
    await service.accepted(count, CaptionOptions(**options))


def test_the_limit_is_what_was_set(tiny_bundle: Path) -> None:
    import asyncio

    service = Service(Settings(models=(str(tiny_bundle),), most_steps=72))
    asyncio.run(_accept(service, 2))
    for count, options in ((3, {}), (1, {"beam": 7})):
        with pytest.raises(Refusal) as raised:
            asyncio.run(_accept(service, count, **options))
        assert raised.value.kind == "too-costly"
    assert service.health()["limits"]["steps"] == 72


def test_each_api_says_it_in_its_own_shape(small: Served) -> None:
    url, text = data_url(picture()), base64_of(picture())
    parts = [{"type": "image_url", "image_url": {"url": url}}] * 3
    answer = small.post({"messages": [{"role": "user", "content": parts}]}, "/v1/chat/completions")
    assert answer.status == 413
    assert answer.json["error"]["code"] == "too-costly"
    answer = small.post({"images": [text] * 3}, "/api/generate")
    assert answer.status == 413
    assert "steps" in answer.json["error"]
    answer = small.post({"images": [url] * 3}, "/caption")
    assert (answer.status, answer.json["code"]) == (413, 413)


def test_the_client_sends_fewer_pictures_at_a_time(small: Served, tiny_bundle: Path, pictures: list[bytes]) -> None:
    library = pictell.load(tiny_bundle)
    photos = [picture(seed) for seed in range(7)]
    with Client(small.url) as client:
        found = client.caption_many(photos, force=True)
        texts = [result.text if isinstance(result, pictell.Caption) else result for result in found]
        assert texts == [library.caption(photo, force=True).text for photo in photos]
        with pytest.raises(PictellError) as raised:
            client.caption_many(photos, beam=50)
        assert raised.value.kind == "too-costly"


def test_pictures_have_so_many_pixels_together(tiny_bundle: Path) -> None:
    random = np.random.default_rng(0)
    images = []
    for _ in range(30):
        stream = io.BytesIO()
        Image.fromarray(random.integers(0, 256, (99, 100, 3), np.uint8)).save(stream, "PNG")
        images.append(base64_of(stream.getvalue()))
    with running("--model", tiny_bundle, "--max-megapixels", "0.01") as served:
        results = served.post({"images": images, "force": True}).json["results"]
        errors = [result["error"] for result in results if "error" in result]
        # 16 times as many as one may have, and those that were being opened meanwhile.
        assert 17 <= len(results) - len(errors) <= 20
        assert {error["kind"] for error in errors} == {"too-costly"}
        assert served.post({"images": images[:16], "force": True}).status == 200, "each request has its own"
