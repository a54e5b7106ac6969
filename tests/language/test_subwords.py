"""Words spelt in pieces: as the tokenizers library spells them, there and back, and what may be spelt at all."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictell.errors import BundleError
from pictell.language import BLOCKED_WORDS, Subwords, Vocabulary
from pictell.language.subwords import PIECES_A_WORD, WORD_END
from pictell.language.vocabulary import END, START, UNKNOWN

SPECIAL = ["<pad>", "<start>", "<end>", "<unk>"]
LETTERS = "abcé-'"


def of_letters(letters: str, merges: list[tuple[str, str]]) -> Subwords:
    pieces = [*letters, *(letter + WORD_END for letter in letters)]
    return Subwords([*SPECIAL, *dict.fromkeys([*pieces, *map("".join, merges)])], merges)


@st.composite
def vocabularies(draw: st.DrawFn, letters: str = LETTERS) -> Subwords:
    """Of any merges, learnt or not."""
    pieces = [*letters, *(letter + WORD_END for letter in letters)]
    merges: list[tuple[str, str]] = []
    for _ in range(draw(st.integers(0, 12))):
        left = draw(st.sampled_from([piece for piece in pieces if not piece.endswith(WORD_END)]))
        pair = (left, draw(st.sampled_from(pieces)))
        if pair not in merges:
            merges.append(pair)
            pieces.append("".join(pair))
    return of_letters(letters, merges)


words = st.text(alphabet=LETTERS, min_size=1, max_size=12)


@given(vocabularies(), st.lists(words, max_size=8))
def test_words_are_spelt_as_the_library_spells_them(vocabulary: Subwords, text: list[str]) -> None:
    models = pytest.importorskip("tokenizers").models
    numbers = {piece: number for number, piece in enumerate(vocabulary.tokens)}
    library = models.BPE(vocab=numbers, merges=list(vocabulary.merges), end_of_word_suffix=WORD_END)
    for word in text:
        assert [vocabulary.tokens[n] for n in vocabulary.to_numbers([word])] == [
            token.value for token in library.tokenize(word)
        ]


@given(vocabularies(), st.lists(words, max_size=8))
def test_there_and_back(vocabulary: Subwords, text: list[str]) -> None:
    numbers = vocabulary.to_numbers(text)
    assert vocabulary.to_words([vocabulary.start, *numbers, vocabulary.end, vocabulary.pad]) == text
    spelt = vocabulary.spell(numbers)
    assert [word for word, _ in spelt] == text
    assert [count for _, count in spelt] == [len(vocabulary.to_numbers([word])) for word in text]
    again = Vocabulary.from_json(vocabulary.to_json())
    assert isinstance(again, Subwords)
    assert (again.tokens, again.merges, again.language) == (vocabulary.tokens, vocabulary.merges, vocabulary.language)


@given(st.text(max_size=6))
def test_a_word_with_an_unknown_character_is_one_unknown_word(word: str) -> None:
    vocabulary = of_letters(LETTERS, [("a", "b")])
    known = bool(word) and set(word) <= set(LETTERS)
    assert (vocabulary.to_numbers([word]) == [UNKNOWN]) != known
    assert (word in vocabulary) == known
    assert vocabulary.to_words(vocabulary.to_numbers(["ab", word, "c"])) == (
        ["ab", word, "c"] if known else ["ab", "c"]
    )


def test_what_no_last_piece_has_ended_is_a_word_too() -> None:
    vocabulary = of_letters("ab", [])
    a, b_last = (vocabulary.tokens.index(piece) for piece in ("a", "b" + WORD_END))
    assert vocabulary.spell([a, b_last, a, a]) == [("ab", 2), ("aa", 2)]
    assert vocabulary.spell([a, END, a, b_last]) == [("a", 1), ("ab", 2)]
    assert vocabulary.ends_word(b_last)
    assert not vocabulary.ends_word(a)


SPELLABLE = ["".join(sorted(set(word) - {"-", "'"})) for word in ("fags", "titspic", "japs")]


@given(
    st.sampled_from(SPELLABLE).flatmap(lambda letters: vocabularies(letters + "-'")),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_whoever_keeps_to_the_rule_says_whole_words_and_no_blocked_one(
    vocabulary: Subwords, max_words: int, choose: random.Random
) -> None:
    rule, most = vocabulary.rule(max_words), vocabulary.most_tokens(max_words)
    numbers: list[int] = []
    while True:
        assert len(numbers) <= most
        barred = set(rule(numbers))
        allowed = [n for n in range(4, len(vocabulary)) if n not in barred] if len(numbers) < most else []
        if END not in barred and (not allowed or choose.random() < 0.1):
            break
        # Towards a blocked word where there is a way.
        begun = "".join(vocabulary.tokens[n] for n in numbers).rpartition(WORD_END)[2]
        tail = begun.replace("'", "-").rpartition("-")[2]
        near = [n for n in allowed if any(b.startswith(tail + vocabulary.tokens[n][:1]) for b in BLOCKED_WORDS)]
        assert allowed, "there is always a way on, or an end"
        numbers.append(choose.choice(near or allowed))
    said = vocabulary.to_words(numbers)
    assert len(said) <= max_words
    assert not numbers or vocabulary.ends_word(numbers[-1])
    assert BLOCKED_WORDS.isdisjoint(part for word in said for part in word.replace("'", "-").split("-"))


def test_the_rule_bars_no_more_than_it_must() -> None:
    letters = "titspicy-'"
    vocabulary = of_letters("".join(dict.fromkeys(letters)), [("s", "p"), ("i", "c" + WORD_END)])
    number = {piece: n for n, piece in enumerate(vocabulary.tokens)}
    rule = vocabulary.rule(3)
    for text, barred in (
        (["sp"], [END, "ic" + WORD_END]),
        (["sp", "i"], [END, "c" + WORD_END]),
        (["sp", "i", "c"], [END, "s" + WORD_END, "-", "'", "-" + WORD_END, "'" + WORD_END]),
        (["sp", "i", "c", "y" + WORD_END], []),
        (["i", "s", "p"], [END]),
        (["t", "i", "t"], [END, "s" + WORD_END]),
        (["y", "-", "t", "i", "t"], [END, "s" + WORD_END]),
        (["y", "'", "t", "i", "t"], [END, "s" + WORD_END]),
        (["y", "t", "i", "t"], [END]),
        ([], []),
    ):
        wanted = {end if isinstance(end, int) else number[end] for end in barred}
        assert set(rule([number[piece] for piece in text])) == wanted, text
    word = [number["sp"], number["y" + WORD_END]]
    assert set(rule(word * 3)) == set(range(len(vocabulary))) - {END}, "three words are enough"
    assert END not in rule(word * 2)
    long = [number["y"]] * (PIECES_A_WORD * 3 - 1)
    left = set(range(4, len(vocabulary))) - set(rule(long))
    assert left == {n for n in range(4, len(vocabulary)) if vocabulary.ends_word(n)}, "time to come to an end"


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "unigram"},
        {"kind": None},
        {"kind": []},
        {"pieces": None},
        {"pieces": ["a", "b"]},
        {"pieces": [*SPECIAL, "a", "a"]},
        {"pieces": [*SPECIAL, "a", "b"], "merges": []},
        {"pieces": [*SPECIAL, "a", WORD_END], "merges": []},
        {"pieces": [*SPECIAL, "a", "tits" + WORD_END], "merges": []},
        {"merges": 3},
        {"merges": ["ab"]},
        {"merges": ["a b c"]},
        {"merges": ["a b"]},
        {"merges": ["a c</w>"]},
        {"merges": ["a b</w>", "a b</w>"]},
        {"merges": [["a", "b</w>"]]},
    ],
)
def test_a_damaged_vocabulary_is_refused(changes: dict[str, object]) -> None:
    content = {
        "kind": "bpe",
        "language": "en",
        "pieces": [*SPECIAL, "a", "b", "b</w>", "ab</w>"],
        "merges": ["a b</w>"],
    }
    assert Vocabulary.from_json(json.dumps(content)).to_words([6, START, 7]) == ["b", "ab"]
    with pytest.raises(BundleError) as caught:
        Vocabulary.from_json(json.dumps(content | changes))
    assert caught.value.kind == "vocabulary"
    assert "\n" not in caught.value.message


def test_a_program_that_knows_words_alone_does_not_take_pieces_for_words() -> None:
    assert "tokens" not in json.loads(of_letters("ab", []).to_json())
    assert "kind" not in json.loads(Vocabulary([*SPECIAL, "a"]).to_json())
