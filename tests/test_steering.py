"""What may be asked of captions: what it means to a search, and what is refused in one line."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.decoding import SearchOptions
from pictell.errors import OptionError
from pictell.language import Vocabulary
from pictell.steering import CaptionOptions

VOCABULARY = Vocabulary(
    [
        "<pad>",
        "<start>",
        "<end>",
        "<unk>",
        *["a", "dog", "cat", "hot", "red", "the", "on", "ball", "dogs", "two", "man", "'s"],
    ]
)
USUAL = SearchOptions(beam=3, max_words=8, min_words=2, length_penalty=1.0)


def asked(**named: Any) -> SearchOptions:
    return CaptionOptions(**named).for_search(USUAL, VOCABULARY)


def numbers(text: str) -> tuple[int, ...]:
    return tuple(VOCABULARY.to_numbers(text.split()))


def test_nothing_asked_is_the_models_own_choice() -> None:
    assert replace(asked(), repeatable=(), diversity=USUAL.diversity) == USUAL


def test_words_become_numbers() -> None:
    wanted = (((numbers("hot dog")), numbers("cat")), (numbers("ball"),))
    for must in ("hot dog|cat, ball", ["hot dog | cat", "ball"], ["Hot Dog|cat,ball", "ball"]):
        assert asked(must=must).required == wanted
    assert asked(must_not="man|cat,hot dog,unheard-of").banned == (numbers("man"), numbers("cat"), numbers("hot dog"))
    assert asked(start="Two dogs").beginning == numbers("two dogs")
    assert asked(must="dog's").required == (((numbers("dog 's")),),)
    assert asked(must="dog|cat", must_not="cat").required == ((numbers("dog"),),)
    assert set(asked(no_dangling=True).not_last) == set(numbers("a the on"))


def test_lengths_give_way_where_only_one_is_asked_for() -> None:
    assert (asked(max_words=1).min_words, asked(max_words=1).max_words) == (1, 1)
    assert (asked(min_words=12).min_words, asked(min_words=12).max_words) == (12, 12)
    assert (asked(target_words=12).max_words, asked(target_words=1).min_words) == (12, 1)


def test_diversity_is_a_group_for_each_caption() -> None:
    options = asked(diversity=0.5, num=4)
    assert (options.groups, options.diversity) == (4, 0.5)
    assert asked(num=4).groups == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"beam": 0}, "beam must be 1 to 100, not 0"),
        ({"beam": 10_000}, "beam must be 1 to 100, not 10000"),
        ({"beam": 2.5}, "beam must be a whole number"),
        ({"beam": True}, "beam must be a whole number"),
        ({"num": None}, "num must be a whole number"),
        ({"num": 101}, "num must be 1 to 100"),
        ({"max_words": 0}, "max_words must be 1 to 100"),
        ({"min_words": 9, "max_words": 4}, r"min_words \(9\) is more than max_words \(4\)"),
        ({"target_words": 9, "max_words": 4}, "target_words must be"),
        ({"must": "dog", "must_not": "dog"}, "must and must_not contradict each other: 'dog'"),
        ({"must": "hot dog|dogs", "must_not": "dog,dogs"}, "must and must_not contradict each other"),
        ({"start": "two hot dogs", "must_not": "hot dogs"}, "start and must_not contradict each other: 'hot dogs'"),
        ({"must": "dgo"}, "does not know the word 'dgo'; the nearest it knows: "),
        ({"must": "xylophone"}, "does not know the word 'xylophone'"),
        ({"must": "<unk>"}, "does not know the word 'unk'"),
        ({"must": "dog,,cat"}, "must names nothing between two signs"),
        ({"must": "dog,!"}, "'!' has no word in it"),
        ({"must": [3]}, "must must be words"),
        ({"must": "hot dog", "max_words": 1}, "max_words is 1, and must ask for 2 words"),
        ({"must": "hot dog, cat", "start": "two dogs on", "max_words": 5}, "start and must ask for 6 words"),
        ({"must": "a,dog,cat,hot,red,the,on,ball"}, "too many words are required"),
        ({"must": "a,dog,cat,hot,red", "beam": 100}, "too wide for so many required words"),
        ({"start": "dgo"}, "does not know the word 'dgo'"),
        ({"start": 3}, "start must be a text"),
        ({"start": "a dog|a cat"}, "start is one beginning, without alternatives: 'a dog|a cat'"),
        ({"start": "a dog " * 5, "max_words": 4}, "max_words is 4, and start ask"),
        ({"no_repeat": -1}, "no_repeat must be"),
        ({"no_dangling": 1}, "no_dangling must be true or false"),
        ({"diversity": -1}, "diversity must be 0 to 10"),
        ({"diversity": float("nan")}, "diversity must be 0 to 10"),
        ({"diversity": 0.5}, "ask for a num of 2 or more"),
        ({"temperature": 1.0}, "temperature is for samples"),
        ({"seed": 1}, "seed is for samples"),
        ({"sample": True, "temperature": 0}, "temperature must be above 0"),
        ({"sample": True, "temperature": -1}, "temperature must be above 0"),
        ({"sample": True, "temperature": float("nan")}, "temperature must be above 0 and finite, not nan"),
        ({"sample": True, "temperature": float("inf")}, "temperature must be above 0 and finite, not inf"),
        ({"sample": True, "temperature": "hot"}, "temperature must be a number"),
        ({"sample": True, "top_k": 0}, "top_k must be at least 1"),
        ({"sample": True, "top_p": 1.5}, "top_p must be above 0 and at most 1"),
        ({"sample": True, "seed": -1}, "seed must be at least 0"),
        ({"sample": True, "must": "dog"}, "must and sample contradict each other"),
        ({"sample": True, "beam": 4}, "beam and sample contradict each other"),
        ({"style": "loud"}, "no style 'loud': choose from plain, alt, hedged, neutral"),
        ({"style": ["alt"]}, "style must be a text"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        asked(**wrong)
    assert caught.value.kind == "option"
    assert "\n" not in caught.value.message


def test_what_is_known_of_english_alone_is_refused_elsewhere() -> None:
    german = Vocabulary([*VOCABULARY.tokens], language="de")
    for named in ({"style": "alt"}, {"no_dangling": True}):
        with pytest.raises(OptionError, match=r"English|no words of the model's language"):
            CaptionOptions(**named).for_search(USUAL, german)  # type: ignore[arg-type]  # one of each type
    assert CaptionOptions(no_repeat=2).for_search(USUAL, german).repeatable == ()


def test_blank_texts_ask_for_nothing() -> None:
    for blank in ("", "  ", [], [""], ["", " "]):
        options = CaptionOptions(must=blank, must_not=blank, start=" ", sample=True)
        assert options == CaptionOptions(sample=True)
    assert not CaptionOptions(must="", must_not=[""], start=" ").steers
    assert CaptionOptions(must=["", "dog"]).steers


def test_options_go_through_json() -> None:
    options = CaptionOptions(must=["dog|cat"], max_words=7, style="alt")
    assert CaptionOptions(**json.loads(json.dumps(asdict(options)))) == options
    assert len({options, CaptionOptions(**asdict(options)), CaptionOptions()}) == 2


names = st.sampled_from([field.name for field in fields(CaptionOptions)])
values = (
    st.none()
    | st.booleans()
    | st.integers(-3, 200)
    | st.floats()
    | st.sampled_from(["", ",", "|", "dog", "dog|cat", "hot dog,ball", "alt", "dgo", "\n"])
    | st.lists(st.text(max_size=5), max_size=3)
    | st.dictionaries(st.text(max_size=2), st.integers(), max_size=1)
)


@given(named=st.dictionaries(names, values, max_size=4))
def test_anything_is_searched_for_or_refused_in_one_line(named: dict[str, Any]) -> None:
    message = ""
    try:
        options = asked(**named)
    except OptionError as error:
        message = error.message
    else:
        assert isinstance(options, SearchOptions)
    assert "\n" not in message
