from __future__ import annotations

from pathlib import Path

import pytest

from pictell.errors import DataError
from pictell.metrics import score
from pictell.metrics.flickr8k_expert import CAPTIONS, JUDGEMENTS, PUBLISHED, Judged, agreement, load_flickr8k_expert

TOKENS = "a.jpg#0\tA dog runs .\na.jpg#1\tDogs .\nb.jpg#0\tA cat sleeps .\nb.jpg#1\tCats sleep .\n"
PAIRS = "a.jpg\tb.jpg#1\t1\t1\t2\na.jpg\ta.jpg#0\t4\t4\t4\nb.jpg\ta.jpg#0\t1\t2\t3\n"


def write(folder: Path, tokens: str = TOKENS, pairs: str = PAIRS) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / CAPTIONS).write_text(tokens)
    (folder / JUDGEMENTS).write_text(pairs)
    return folder


def test_pairs_but_for_own_captions(tmp_path: Path) -> None:
    write(tmp_path / "Flickr8k_text")
    expected = Judged(
        references={"a.jpg b.jpg#1": ["A dog runs .", "Dogs ."], "b.jpg a.jpg#0": ["A cat sleeps .", "Cats sleep ."]},
        candidates={"a.jpg b.jpg#1": "Cats sleep .", "b.jpg a.jpg#0": "A dog runs ."},
        ratings={"a.jpg b.jpg#1": (1, 1, 2), "b.jpg a.jpg#0": (1, 2, 3)},
    )
    assert load_flickr8k_expert(tmp_path) == expected
    assert load_flickr8k_expert(tmp_path / "Flickr8k_text") == expected


@pytest.mark.parametrize(
    ("tokens", "pairs", "words"),
    [
        (TOKENS, "a.jpg\tb.jpg#1\t1\t1\n", "line 1: expected"),
        (TOKENS, PAIRS + "a.jpg\tb.jpg#1\t1\t1\t5\n", "line 4: expected"),
        (TOKENS, PAIRS + "a.jpg\tb.jpg#2\t1\t1\t1\n", "line 4: Flickr8k.token.txt has no b.jpg#2"),
        (TOKENS, PAIRS + "c.jpg\tb.jpg#1\t1\t1\t1\n", "line 4: Flickr8k.token.txt has no c.jpg"),
        (TOKENS, PAIRS + "a.jpg\tb.jpg\t1\t1\t1\n", "has no b.jpg"),
        (TOKENS, "\n", "holds no pairs"),
        ("a dog\n", PAIRS, "expected lines of NAME.jpg#K"),
    ],
)
def test_what_is_broken_is_named(tmp_path: Path, tokens: str, pairs: str, words: str) -> None:
    with pytest.raises(DataError) as raised:
        load_flickr8k_expert(write(tmp_path, tokens, pairs))
    assert words in raised.value.message
    assert str(tmp_path) in raised.value.message


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / JUDGEMENTS).unlink()
    with pytest.raises(DataError, match=JUDGEMENTS) as raised:
        load_flickr8k_expert(tmp_path)
    assert raised.value.kind == "missing"


def test_scores_that_order_as_people_do_agree(tmp_path: Path) -> None:
    pairs = "".join(f"a.jpg\tb.jpg#{n}\t{n + 1}\t{n + 1}\t{n + 1}\n" for n in range(4))
    said = ["a bird", "the dog", "a dog sits", "a dog runs now"]
    tokens = "a.jpg#0\tA dog runs fast\n" + "".join(f"b.jpg#{n}\t{text}\n" for n, text in enumerate(said))
    judged = load_flickr8k_expert(write(tmp_path, tokens, pairs))
    tau = agreement(score(judged.references, judged.candidates, ["BLEU"]), judged)
    assert list(tau) == ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4"]
    assert tau["BLEU-1"] > 0.9


def test_what_was_published_comes_out(shared_data: Path) -> None:
    judged = load_flickr8k_expert(shared_data / "flickr8k")
    assert len(judged.ratings) == 5664
    tau = agreement(score(judged.references, judged.candidates, ["BLEU", "ROUGE-L", "CIDEr-D"]), judged)
    for name in ("BLEU-1", "BLEU-4", "ROUGE-L", "CIDEr-D"):
        assert tau[name] == pytest.approx(PUBLISHED[name], abs=0.005)
