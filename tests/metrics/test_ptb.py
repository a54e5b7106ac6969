"""The Penn Treebank tokeniser on captions of our own making, with the tokens the Java reference gave for them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictell.metrics.ptb import VERSION, ptb_tokens
from pictell.metrics.ptb_rules import cut

# Captions and their tokens, a no-break space inside a token written as ~.
TOKENS = {
    "plain": {
        "A dog runs on the grass.": "a dog runs on the grass",
        "A red, white and blue kite .": "a red white and blue kite",
        "  Two  men , one in a T-shirt, wait. ": "two men one in a t-shirt wait",
        "3 two-year-old zebras": "3 two-year-old zebras",
        "": "",
        " . ": "",
        "?": "",
        "favourite grey colour": "favourite grey colour",
    },
    "apostrophes": {
        "The dog's ball isn't here; it's the cats' one": "the dog 's ball is n't here it 's the cats one",
        "They're, we've, I'd, he'll, I'm x": "they 're we 've i 'd he 'll i 'm x",
        "don’t, can't, won't, DON'T": "do n't ca n't wo n't do n't",
        "five o'clock near O'Brien's": "five o'clock near o'brien 's",
        "rock 'n' roll, rock'n'roll and y'all": "rock 'n' roll rock 'n' roll and y' all",
        "'Tis the '90s style of '70 x": "'t is the '90s style of '70 x",
        "the 1950's and a 2'o'clock": "the 1950 's and a 2 o'clock",
        "goin' with ol' Sam and 'em": "goin with ol' sam and 'em",
        "Xing'an road, Hawai'i, ma'am": "xing an road hawai'i ma'am",
        "shouldn't've": "should n't 've",
    },
    "two words": {
        "I cannot, gonna, gotta, gimme, lemme, wanna": "i can not gon na got ta gim me lem me wan na",
        "CANNOT cannots cannot-be": "can not cannots cannot-be",
    },
    "periods": {
        "a dog.A cat. The end": "a dog.a cat the end",
        "on Main St. near Park Ave.": "on main st. near park ave.",
        "Mr. Smith, Dr. No and etc.": "mr. smith dr. no and etc.",
        "the U.S.A. and a T.V": "the u.s.a. and a t.v",
        "at 4:06pm or 5 p.m.": "at 4:06 pm or 5 p.m.",
        "bus no. 5, no.": "bus no. 5 no",
        "in LA. or la. mass. Mass. hour": "in la. or la mass mass. hour",
        "wait..nothing...really": "wait nothing ... really".replace(" ... ", " "),
        "lots of bikes., big": "lots of bikes. big",
        "Ph.D. and U.S.-made": "ph.d. and u.s.-made",
        "plan B. The dog, plan B. the dog": "plan b the dog plan b. the dog",
    },
    "numbers": {
        "22 3/4 st. and 1-1/2": "22~3/4 st. and 1-1/2",
        "call 555 555 1212 or (555) 555-1212": "call 555~555~1212 or -lrb-555-rrb-~555-1212",
        "$5.00, US$5, 50%, #12, 1,000, .5, -5, 2+": "$ 5.00 us$ 5 50 % # 12 1,000 .5 -5 2 +",
        "20%-30% of 10-12": "20 % -30 % of 10-12",
        "5'10\" and 6\" x 5'": "5 10 and 6 x 5",
        "£5 €5 5¢ ½": "# 5 $ 5 5 cents 1/2",
        "12/25/2014 1/2/3/4 7.jpg": "12/25/2014 1/2/3 / 4 7.jpg",
    },
    "signs": {
        "a (big) [red] {dog}": "a -lrb- big -rrb- -lsb- red -rsb- -lcb- dog -rcb-",
        "reads \"STOP!!\" or ``Go??'' or 'no'": "reads stop !! or go ?? or no",
        "Really?! yes! -- no --- or -----": "really ?! yes no or -----",
        "black/white, and/or, w/ it": "black/white and/or w / it",
        "AT&T, at&t, M&Ms, R&B": "at&t at & t m&m s r&b",
        "a=b *c* x_y_z #tag @user C++": "a = b * c * x_y_z #tag @user c++",
        "smile :) :-( (^_^) <3": "smile :-rrb- :--lrb- -lrb-^_^-rrb- < 3",
        "“hi” ‘you’ ““": "hi you ````",
        "tom &amp; jerry &lt;3 <br /> <b>x</b>": "tom & jerry < 3 <br~/> <b> x </b>",
        "red,blue-green and dog!cat": "red,blue-green and dog!cat",
    },
    "web": {
        "see www.foo.com/bar.": "see www.foo.com/bar",
        "http://a.b/c?d=e, foo@bar.com": "http://a.b/c?d=e foo@bar.com",
    },
    "beyond ASCII": {
        "A CAFÉ naïve 東京 x²": "a café naïve 東京 x ²",
        "dog 😀cat\u200bx so\u00adft": "dog cat x soft",
        "5° → ★ a–b…c": "5 ° → ★ a b c",
    },
}


@pytest.mark.parametrize("kind", TOKENS)
def test_tokens(kind: str) -> None:
    for caption, tokens in TOKENS[kind].items():
        assert ptb_tokens([caption, "and so on"])[0] == [token.replace("~", "\xa0") for token in tokens.split()], (
            caption
        )


def test_version() -> None:
    assert VERSION == "ptb-1"


def test_no_captions() -> None:
    assert ptb_tokens([]) == []


@pytest.mark.parametrize(
    ("following", "last"),
    [
        (["the dog"], "b."),
        (["The dog"], "b"),
        (["Dogs run"], "b."),
        (["", " ", "A dog"], "b"),
        (["A"], "b."),
        ([], "b."),
    ],
)
def test_initial_at_the_end_depends_on_the_next_caption(following: list[str], last: str) -> None:
    assert ptb_tokens(["plan B.", *following])[0] == ["plan", last]


def test_number_at_the_end_depends_on_the_next_caption() -> None:
    assert ptb_tokens(["bus no.", "5 dogs"]) == [["bus", "no."], ["5", "dogs"]]
    assert ptb_tokens(["bus no.", "dogs"]) == [["bus", "no"], ["dogs"]]


@pytest.mark.parametrize("separator", ["\n", "\r", "\r\n", "\v", "\f", "\x85", "\u2028", "\u2029", "\t"])
def test_line_separators_are_spaces(separator: str) -> None:
    captions = [f"a dog{separator}runs", f"it's{separator}red", "a cat", separator, "end"]
    assert ptb_tokens(captions) == [["a", "dog", "runs"], ["it", "'s", "red"], ["a", "cat"], [], ["end"]]


def test_lone_surrogates_and_controls_vanish() -> None:
    assert ptb_tokens(["a \ud800dog\x00 \x1fruns\x7f"]) == [["a", "dog", "runs"]]


def test_plain_captions_need_no_neighbours() -> None:
    captions = ["A dog runs.", "it's red", "Two men, one tall", "a 😀 cat", "On a St."]
    assert ptb_tokens(captions) == [tokens for caption in captions for tokens in ptb_tokens([caption])]


PLAIN = st.lists(
    st.one_of(
        st.text("abcdefghijklmnopqrstuvwxyzABC019", min_size=1, max_size=6),
        st.sampled_from(
            ["st", "St.", "no", "b", "B.", "la.", "cannot", "Gonna", "t-shirt", "-", ",", "a,", ".", "5", "12"]
        ),
    ),
    max_size=8,
).map(" ".join)


@given(
    st.lists(st.tuples(PLAIN, st.sampled_from(["", ".", " .", ". ", ",", "-"])).map("".join), min_size=1, max_size=4)
)
def test_fast_path_agrees_with_the_rules(captions: list[str]) -> None:
    following = ["".join(f"\n{later}" for later in captions[index + 1 :]) for index in range(len(captions))]
    assert ptb_tokens(captions) == [cut(*pair) for pair in zip(captions, following, strict=True)]


SIGNS = [
    *"abAB15 .,'\"-/&:;!?()[]{}`_@#$%^~|+=*<>\\é’‘“”½€\u0301\xad\xa0\u200b\ud800\t\r\n\x00😀",
    *("n't", "'s", "www.", ".com", "http://", "&amp;", "&apos;", "&eacute;", "St.", "The", "...", "cannot", "<a b='"),
]


@settings(max_examples=60)
@given(
    st.lists(st.one_of(st.lists(st.sampled_from(SIGNS), max_size=12).map("".join), st.text(max_size=30)), max_size=4)
)
def test_any_text_will_do(captions: list[str]) -> None:
    tokens = ptb_tokens(captions)
    assert len(tokens) == len(captions)
    for token in (token for words in tokens for token in words):
        assert token
        assert not set(token) & set(" \t\n\r\v\f")
        assert token not in {".", ",", "?", "!", ":", ";", "-", "--", "...", "'", "''", "`", "``"}


@pytest.mark.parametrize(
    "piece",
    ["a ", "1,a,", "<!", "<a b='", "a@", "1.1.jpg,", "a.b,-", "b. <a ", "www.", "don't", "é-", "😀", "5 ", "“", "."],
)
def test_time_grows_with_length_only(piece: str) -> None:
    def seconds(length: int) -> float:
        caption = piece * (length // len(piece)) + " @ - .com"
        begin = time.process_time()
        ptb_tokens([caption])
        return time.process_time() - begin

    # Twenty times the text takes twenty times the time; with a square it would be four hundred times.
    assert seconds(16_000) < 80 * max(seconds(800), 0.001)


def test_a_caption_of_ten_thousand_words() -> None:
    assert ptb_tokens(["dog's " * 10_000])[0] == ["dog", "'s"] * 10_000
