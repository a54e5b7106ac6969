from __future__ import annotations

from pictell.metrics import ptb_tokens
from pictell.metrics.words import parted, split_captions


def test_each_caption_stays_with_its_image() -> None:
    images = [["A dog runs.", "Dogs"], [], ["the cat's chair"], [""]]
    assert split_captions(images) == [
        [["a", "dog", "runs"], ["dogs"]],
        [],
        [["the", "cat", "'s", "chair"]],
        [[]],
    ]


def test_captions_are_split_in_a_row() -> None:
    """A caption that ends in an initial is split by what the next one begins with."""
    captions = ["plan B.", "a dog", "plan B.", "A dog", "plan B."]
    together = [words for own in split_captions([captions[:1], captions[1:4], captions[4:]]) for words in own]
    assert together == ptb_tokens(captions)


def test_tokens_are_parted_at_no_break_spaces() -> None:
    split = split_captions([["at 22 3/4 feet"], ["a dog"]])
    assert split[0] == [["at", "22\N{NO-BREAK SPACE}3/4", "feet"]]
    assert parted(split) == [[["at", "22", "3/4", "feet"]], [["a", "dog"]]]
    assert parted(split[1:]) == split[1:]
