"""`/v1/caption` over HTTP: the captions of the library, in every way that they can be asked for."""

from __future__ import annotations

import base64
import http.client
import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from server_helpers import Served, form_of

import pictell
from pictell import Caption, Captioner, PictellError
from pictell.bundle import installed_bundles
from pictell.fields import fields_of, result_of

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def library(tiny_bundle: Path) -> Captioner:
    return pictell.load(tiny_bundle)


def text_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def plain_picture() -> bytes:
    """What is no photo."""
    stream = io.BytesIO()
    Image.new("RGB", (64, 64)).save(stream, "PNG")
    return stream.getvalue()


def same(result: dict[str, Any], caption: Caption) -> bool:
    """As the library says it; a batch's company moves the last digits of floating-point numbers and nothing else."""
    found = result_of(result)
    if not isinstance(found, Caption):
        return False
    shape = (
        found.text,
        [word.text for word in found.words],
        found.reason,
        [other.text for other in found.alternatives],
    )
    wanted = (
        caption.text,
        [word.text for word in caption.words],
        caption.reason,
        [o.text for o in caption.alternatives],
    )
    numbers = [found.log_prob, *(word.prob for word in found.words)]
    return shape == wanted and numbers == pytest.approx([caption.log_prob, *(w.prob for w in caption.words)], abs=1e-5)


@pytest.mark.parametrize(
    "options",
    [{}, {"num": 3, "force": True}, {"beam": 1}, {"max_words": 4, "must": "word3|word5"}, {"must_not": ["word1", "word2"]},
     {"start": "word4 word2"}, {"style": "hedged"}, {"sample": True, "seed": 7, "temperature": 0.7, "top_k": 5, "num": 2},
     {"no_repeat": 1, "min_words": 3, "target_words": 5}, {"num": 2, "diversity": 0.5}],
)  # fmt: skip
def test_every_way_to_ask_gives_what_the_library_gives(
    served: Served, library: Captioner, pictures: list[bytes], options: dict[str, Any]
) -> None:
    wanted = [library.caption(each, **options) for each in pictures[:3]]
    texts = [(name, json.dumps(value) if isinstance(value, bool) else str(value))
             for name, values in options.items() for value in (values if isinstance(values, list) else [values])]  # fmt: skip
    query = "&".join(f"{name}={value}" for name, value in texts).replace(" ", "%20").replace("|", "%7C")
    answers = [
        served.post({"images": [text_of(each) for each in pictures[:3]], "exact": True, **options}),
        served.form(*[("image", ("a.jpg", each)) for each in pictures[:3]], ("exact", "true"), *texts),
    ]
    alone = [
        served.ask("POST", f"/v1/caption?exact=true&{query}", each, {"Content-Type": "image/jpeg"}).json["results"][0]
        for each in pictures[:3]
    ]
    for results in (*(answer.json["results"] for answer in answers), alone):
        assert len(results) == 3
        assert all(same(result, caption) for result, caption in zip(results, wanted, strict=True))


def test_json_is_that_of_the_command(served: Served, library: Captioner, pictures: list[bytes]) -> None:
    answer = served.form(("image", ("dog.jpg", pictures[0])), ("num", "2"), ("force", "1"))
    assert answer.json == {
        "results": [{"index": 0, "path": "dog.jpg", **fields_of(library.caption(pictures[0], num=2, force=True))}]
    }


@pytest.mark.skipif(not installed_bundles(), reason="no model is installed with the package")
def test_many_clients_at_once_get_what_the_library_gives_alone(start: Any) -> None:
    """The shipped model: requests that share batches, each with the words and probabilities of its photo alone."""
    photos = [path.read_bytes() for path in sorted(EXAMPLES.glob("*.jpg"))] * 4
    asked = [{}, {"num": 2}, {"style": "alt"}]
    library = pictell.load()
    with start() as served, ThreadPoolExecutor(16) as clients:
        futures = [
            clients.submit(served.post, {"image": text_of(photo), "exact": True, **asked[number % 3]})
            for number, photo in enumerate(photos)
        ]
        answers = [future.result() for future in futures]
        assert served.metric("pictell_batch_pictures_sum") == len(photos)
        assert served.metric("pictell_batch_pictures_count") < len(photos), "nothing was batched"
        [black] = served.post({"image": text_of(plain_picture())}).json["results"]
        assert (black["text"], black["words"]) == (None, [])
        assert black["reason"] == library.caption(plain_picture()).reason
    for number, (photo, answer) in enumerate(zip(photos, answers, strict=True)):
        [result] = answer.json["results"]
        assert same(result, library.caption(photo, **asked[number % 3])), result


def test_pictures_are_given_as_text_in_every_way(served: Served, library: Captioner, pictures: list[bytes]) -> None:
    wanted = library.caption(pictures[0]).text
    text = text_of(pictures[0])
    lines = "\n".join(text[i : i + 76] for i in range(0, len(text), 76))
    ways = [
        text, f"data:image/jpeg;base64,{text}", f"DATA:;base64,{text}", text.rstrip("="), lines,
        base64.urlsafe_b64encode(pictures[0]).decode(), {"data": text}, {"url": f"data:image/jpeg;base64,{text}", "name": "x"},
        "data:image/jpeg," + "".join(f"%{byte:02x}" for byte in pictures[0]),
    ]  # fmt: skip
    results = served.post({"images": ways}).json["results"]
    assert [result.get("text") for result in results] == [wanted] * len(ways)
    assert [result["path"] for result in results] == [None] * 7 + ["x", None]
    assert served.form(("image", text)).json["results"][0]["text"] == wanted


def test_one_pictures_error_leaves_the_others_their_captions(served: Served, pictures: list[bytes]) -> None:
    files = [
        ("a", ("a.jpg", pictures[0])),
        ("b", ("b.jpg", pictures[4][:400])),
        ("c", ("c.txt", b"words")),
        ("d", ("", pictures[1])),
    ]
    answer = served.form(*files)
    assert answer.status == 200
    results = answer.json["results"]
    assert [result["index"] for result in results] == [0, 1, 2, 3]
    assert [result["path"] for result in results] == ["a.jpg", "b.jpg", "c.txt", None]
    assert [result.get("error", {}).get("kind") for result in results] == [None, "truncated", "not-a-photo", None]
    assert results[1]["error"]["message"].startswith("b.jpg: ")
    assert "error" not in answer.json
    none = served.post({"images": ["!", text_of(b"words")]})
    assert (none.status, none.kind if set(none.json) == {"error"} else none.json["error"]["kind"]) == (400, "base64")
    assert [result["error"]["kind"] for result in none.json["results"]] == ["base64", "not-a-photo"]


@pytest.mark.parametrize("way", ["field", "accept"])
def test_results_are_streamed(served: Served, library: Captioner, pictures: list[bytes], way: str) -> None:
    images = [*map(text_of, pictures), "broken!"]
    accept = {"Accept": "application/x-ndjson"} if way == "accept" else {}
    answer = served.post({"images": images, "stream": way == "field"}, **accept)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    results = [json.loads(line) for line in answer.body.decode().splitlines()]
    assert sorted(result["index"] for result in results) == list(range(len(images)))
    for result in results:
        if result["index"] == len(pictures):
            assert result["error"]["kind"] == "base64"
        else:
            assert result["text"] == library.caption(pictures[result["index"]]).text


def test_the_first_results_come_before_the_last_are_done(served: Served, pictures: list[bytes]) -> None:
    """The stream is looked at as it comes: its first line is there while later pictures still have their turn."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    images = [text_of(pictures[0])] + [text_of(pictures[1])] * 63
    body = json.dumps({"images": images, "stream": True, "max_words": 100, "min_words": 100, "force": True})
    connection.request("POST", "/v1/caption", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    first = json.loads(answer.readline())
    assert "text" in first
    assert served.ask("GET", "/health").json["queue"]["pictures"] > 0
    assert len(answer.read().splitlines()) == 63
    connection.close()


def test_features_are_told_where_they_are_asked_for(served: Served, library: Captioner, pictures: list[bytes]) -> None:
    [result] = served.post({"image": text_of(pictures[0]), "features": True}).json["results"]
    wanted = library.caption(pictures[0], features=True).features
    assert wanted is not None
    assert result["features"] == pytest.approx(wanted.tolist(), abs=1e-5)


def test_attention_is_told_where_it_is_asked_for(served: Served, library: Captioner, pictures: list[bytes]) -> None:
    [plain] = served.post({"image": text_of(pictures[0])}).json["results"]
    assert "attention" not in plain
    [result] = served.form(("image", pictures[0]), ("attention", "true")).json["results"]
    wanted = library.caption(pictures[0], attention=True).attention
    assert wanted is not None
    assert np.array(result["attention"]) == pytest.approx(wanted, abs=1e-4)
    assert {**result, "attention": None, "path": None} == {**plain, "attention": None, "path": None}


def test_samples_without_a_seed_are_drawn_anew_for_each_request(served: Served, pictures: list[bytes]) -> None:
    ask = {"image": text_of(pictures[0]), "sample": True, "force": True, "temperature": 3.0, "min_words": 8}
    assert len({served.post(ask).json["results"][0]["text"] for _ in range(5)}) > 1


def test_models_are_chosen_by_name(
    served: Served, tiny_bundle: Path, other_tiny_bundle: Path, pictures: list[bytes]
) -> None:
    for name, model in (
        ("tiny", "tiny@7"),
        ("TINY@7", "tiny@7"),
        ("other", "other@7"),
        ("other@7", "other@7"),
        ("", "tiny@7"),
    ):
        [result] = served.post({"image": text_of(pictures[0]), "model": name}).json["results"]
        assert result["model"] == model
        text = pictell.load(tiny_bundle if model == "tiny@7" else other_tiny_bundle).caption(pictures[0]).text
        assert result["text"] == text
    listed = served.ask("GET", "/v1/models").json["models"]
    assert [model["name"] for model in listed] == ["tiny@7", "other@7"]


def test_fields_left_blank_in_a_form_ask_for_nothing(served: Served, pictures: list[bytes]) -> None:
    answer = served.form(
        ("image", pictures[0]), ("beam", ""), ("must", ""), ("model", ""), ("force", ""), ("other", ("", b""))
    )
    assert answer.status == 200
    assert len(answer.json["results"]) == 1


def test_health_tells_how_it_is(served: Served) -> None:
    answer = served.ask("GET", "/health")
    assert answer.status == 200
    assert answer.json["version"] == pictell.__version__
    assert answer.json["limits"] == {"body_bytes": 8 << 20, "pictures": 64, "steps": 20000}
    assert answer.json["models"][0] == {"name": "tiny@7", "loaded": True, "language": "en", "refuses": []}
    assert answer.json["queue"]["limit"] == 128
    assert answer.json["uptime_seconds"] > 0


def test_fields_come_back_as_they_were(library: Captioner, pictures: list[bytes]) -> None:
    for options in ({}, {"num": 3}, {"style": "alt"}, {"features": True}, {"attention": True}):
        caption = library.caption(pictures[2], **options)
        again = result_of(json.loads(json.dumps(fields_of(caption, exact=True, features=True, attention=True))))
        assert again == caption
        assert (again.attention is None) == (not options.get("attention"))
    error = result_of(fields_of(PictellError("kind", "message")))
    assert isinstance(error, PictellError)
    assert (error.kind, error.message) == ("kind", "message")
    for wrong in ({}, {"error": "x"}, {"text": 1}, {"text": "a", "log_prob": "x"}):
        with pytest.raises(PictellError) as raised:
            result_of(wrong)
        assert raised.value.kind == "answer"


def test_the_form_of_the_tests_is_one() -> None:
    assert form_of(("a", "b")).endswith(b"b\r\n--XX--\r\n")
