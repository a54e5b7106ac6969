from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.errors import PictellError
from pictell.metrics.hallucination import Objects, everyday_objects, hallucination

# Their names are more often something else.
NOT_BY_NAME = {"orange", "skis"}


def test_the_categories_are_cocos() -> None:
    categories = everyday_objects().categories
    assert len(categories) == len(set(categories)) == 80
    for category in categories:
        assert everyday_objects().named(f"there is {category}!") == ([] if category in NOT_BY_NAME else [category])


@pytest.mark.parametrize(
    ("caption", "named"),
    [
        ("Two dogs and a puppy.", ["dog", "dog"]),
        ("a hot dog on a table", ["hot dog", "dining table"]),
        ("hot-dogs", ["hot dog"]),
        ("a red fire truck", ["truck"]),
        ("a man at the fire hydrant", ["person", "fire hydrant"]),
        ("People wait in a train station.", ["person"]),
        ("a train at the station", ["train"]),
        ("A teddy bear sits beside a brown bear", ["teddy bear", "bear"]),
        ("a mother bear with two cubs", ["bear", "bear"]),
        ("a mother with her baby", ["person", "person"]),
        ("a couple of zebras", ["zebra"]),
        ("a police officer", ["person"]),
        ("a woman's purse", ["person", "handbag"]),
        ("glasses of wine and knives", ["wine glass", "knife"]),
        ("a man in an orange shirt", ["person"]),
        ("a bowl of oranges", ["bowl", "orange"]),
        ("a skier skis down a slope", ["person"]),
        ("a boy on skis", ["person", "skis"]),
        ("a girl skateboards down a ramp", ["person"]),
        ("a man ties a tie", ["person", "tie"]),
        ("children play baseball", ["person"]),
        ("the catcher's mitt and a baseball bat", ["baseball glove", "baseball bat"]),
        ("double-decker buses", ["bus"]),
        ("mice, geese, sheep and oxen", ["mouse", "bird", "sheep", "cow"]),
        ("caterpillars and scarves", []),
        ("", []),
    ],
)
def test_what_a_caption_names(caption: str, named: list[str]) -> None:
    assert everyday_objects().named(caption) == named


def test_chair_by_hand() -> None:
    references = {"1": ["a dog runs", "a puppy on the grass"], "2": ["a plate"], "3": ["a man on a bike"]}
    candidates = {"1": "a dog with a frisbee and a cat and a cat", "2": "food", "3": "a woman rides a bicycle"}
    found = hallucination(references, candidates)
    assert found.per_image == {"1": ("frisbee", "cat", "cat"), "2": (), "3": ()}
    assert (found.mentions, found.hallucinated) == (6, 3)
    assert found.chair_i == 3 / 6
    assert found.chair_s == 1 / 3
    assert "ptb-1" in found.version


def test_no_objects_at_all() -> None:
    found = hallucination({"1": ["a dog"]}, {"1": "nothing"})
    assert (found.chair_i, found.chair_s, found.mentions) == (0, 0, 0)


@given(st.lists(st.sampled_from(["a", "hot", "dog", "stand", "bears", "teddy", "train", "station", "baby", "on"])))
def test_nothing_is_hallucinated_that_a_reference_says(words: list[str]) -> None:
    caption = " ".join(words)
    found = hallucination({"1": ["a zebra", caption]}, {"1": caption})
    assert found.hallucinated == 0
    alone = hallucination({"1": ["nothing"]}, {"1": caption})
    assert alone.hallucinated == alone.mentions == found.mentions
    assert alone.mentions <= len(words)


def test_a_list_of_ones_own() -> None:
    objects = Objects(
        "young: baby, tiny little  # before animals\n\nfish*: fish!,\n  cod, pike\nman: man!, men!, baby\nnothing: cod liver\n"
    )
    assert objects.categories == ("fish", "man")
    assert objects.named("a baby cod, the tiny little pikes, the fish and a baby") == ["fish", "fish", "fish", "man"]
    assert objects.named("cod liver of cods") == ["fish"]
    assert hallucination({"1": ["men"]}, {"1": "fish"}, objects).chair_i == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [("fish: cod\n\nbird\n", "line 3"), ("fish: cod\nbird: crow, cod\n", "line 2 of the objects: 'cod'")],
)
def test_lists_that_are_broken(text: str, words: str) -> None:
    with pytest.raises(PictellError, match=words) as raised:
        Objects(text)
    assert raised.value.kind == "objects"
