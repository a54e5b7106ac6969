"""What may be asked of a caption, in the words of the people who ask, and what that means to a search."""

from __future__ import annotations

import difflib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

from pictell.decoding import Machine, Phrase, Sampling, SearchOptions, contains
from pictell.errors import OptionError
from pictell.language import STYLES, Style, Vocabulary, function_words, tokenise

MOST_BEAM = 100
"""The widest beam, and the most captions of a photo: a search keeps the log-probability of every word for each."""

MOST_WORDS = 100
"""The most words of a caption."""

WORD_BY_WORD = ("must", "must_not", "target_words", "no_repeat", "no_dangling", "diversity", "attention")
"""What can be asked only of a model that is searched word by word, and not of one that gives whole sentences."""

_MOST_ROWS = 1000  # unfinished captions of a photo, those of all states of having said what must be said
_ALTERNATIVES, _LIST = "|", ","
_RANGES = {
    "beam": (1, MOST_BEAM),
    "num": (1, MOST_BEAM),
    "min_words": (0, MOST_WORDS),
    "max_words": (1, MOST_WORDS),
    "target_words": (1, MOST_WORDS),
    "no_repeat": (0, MOST_WORDS),
}


@dataclass(frozen=True)
class CaptionOptions:
    """What may be asked of a caption. Every field is a plain value: options are as well given by name as read from JSON.

    `beam` is the number of unfinished captions kept in the search, `num` the number of different captions wanted of a
    photo, the best and its alternatives; both 1 to 100. `min_words` and `max_words` bound the length (to 100), and
    `target_words` prefers captions of about that length. Where `None`, the bundle's own choice holds.

    `must` names words or phrases that the caption contains: several in a sequence or separated by commas, and `|` between
    those of which one is enough (`"dog|puppy, red ball"`). `must_not` names those that it does not contain; words that the
    model does not know are no harm there. `start` is how it begins.

    With `no_repeat` no run of so many words comes twice, unless it is of function words alone; with `no_dangling` no
    caption ends in a word like "with". With `diversity` (0 to 10; 0.5 is a good beginning) the `num` captions, 2 or
    more, are made to differ.

    With `sample` captions are drawn at random instead of searched; `temperature`, `top_k`, `top_p` and `seed` are those
    of `pictell.decoding.Sampling`. A photo's samples depend on its pixels and the seed alone; without a seed they are
    others each time.

    `style` is one of `pictell.language.STYLES`. With `force` what does not look like a photo is described all the same.
    With `features` a caption brings what the photo looks like to the encoder, with `attention` where the decoder looked for
    each word.

    Raises:
        OptionError: a value is of the wrong type or out of its range, or some contradict each other.

    """

    beam: int | None = None
    num: int = 1
    min_words: int | None = None
    max_words: int | None = None
    target_words: int | None = None
    must: str | Sequence[str] = ()
    must_not: str | Sequence[str] = ()
    start: str = ""
    no_repeat: int = 0
    no_dangling: bool = False
    diversity: float = 0.0
    sample: bool = False
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    seed: int | None = None
    style: Style = "plain"
    force: bool = False
    features: bool = False
    attention: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            _check_type(field.name, getattr(self, field.name), field.default)
        for name in ("must", "must_not"):
            texts = getattr(self, name)
            if not any(text.strip() for text in ([texts] if isinstance(texts, str) else texts)):
                object.__setattr__(self, name, ())  # a blank text asks for nothing
            elif not isinstance(texts, str):
                object.__setattr__(self, name, tuple(texts))  # a list of JSON's, too
        object.__setattr__(self, "start", self.start.strip())
        if _ALTERNATIVES in self.start:
            raise OptionError(f"start is one beginning, without alternatives: {self.start!r}")
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise OptionError(f"{name} must be {least} to {most}, not {value}")
        if not 0 <= self.diversity <= 10:
            raise OptionError(f"diversity must be 0 to 10, not {self.diversity:g}")
        if self.diversity and self.num == 1:
            raise OptionError("diversity makes several captions differ: ask for a num of 2 or more")
        if self.style not in STYLES:
            raise OptionError(f"there is no style {self.style!r}: choose from {', '.join(STYLES)}")
        named = ("temperature", "top_k", "top_p", "seed")
        if not self.sample and (idle := [name for name in named if getattr(self, name) is not None]):
            raise OptionError(f"{idle[0]} is for samples: ask for sample too")
        searching = ("beam", "target_words", "must", "diversity")
        if self.sample and (idle := [name for name in searching if getattr(self, name)]):
            raise OptionError(f"{idle[0]} and sample contradict each other: {idle[0]} is for searching")
        self._sampling()

    @property
    def steers(self) -> bool:
        """Whether the words are other ones than the model would choose."""
        plain = ("beam", "num", "max_words", "style", "force", "features", "attention")
        return any(getattr(self, field.name) != field.default for field in fields(self) if field.name not in plain)

    def _sampling(self) -> Sampling | None:
        """How to sample; with a seed that nobody knows where none is named."""
        if not self.sample:
            return None
        try:
            return Sampling(
                temperature=1.0 if self.temperature is None else self.temperature,
                top_k=self.top_k,
                top_p=self.top_p,
                seed=secrets.randbits(63) if self.seed is None else self.seed,
            )
        except ValueError as error:
            raise OptionError(str(error)) from error

    def for_search(self, usual: SearchOptions, vocabulary: Vocabulary) -> SearchOptions:
        """The same for a model that is usually searched by `usual` and has these words.

        Raises:
            OptionError: a word is not among them, some of what is asked for cannot be together, or there is nothing of
                it for the model's language.

        """
        banned = _phrases(self.must_not, vocabulary)
        start = _known(self.start, vocabulary) if self.start else ()
        required = _required(self.must, banned, vocabulary)
        words = function_words(vocabulary.language)
        if self.no_dangling and words is None:
            raise OptionError(f"no_dangling knows no words of the model's language ({vocabulary.language})")
        if self.style != "plain" and vocabulary.language.partition("-")[0].lower() != "en":
            raise OptionError(f"style {self.style} is for English, the model's language is {vocabulary.language}")
        for phrase in banned:
            if contains(start, phrase):
                raise OptionError(f"start and must_not contradict each other: {_text(phrase, vocabulary)!r}")
        min_words, max_words = self._lengths(usual, vocabulary)
        try:
            machine = Machine(required)
            needed = len(start) + int(machine.needed[machine.read(start)])
            beam = (usual.beam if self.beam is None else self.beam) if not self.sample else 1
            if max(beam, self.num) * machine.states > _MOST_ROWS:
                raise OptionError(
                    f"a beam of {max(beam, self.num)} is too wide for so many required words: ask for less"
                )
            if needed > max_words:
                named = " and ".join(name for name in ("start", "must") if getattr(self, name))
                raise OptionError(f"max_words is {max_words}, and {named} ask for {needed} words at least")
            known_words = [vocabulary.to_numbers([word]) for word in sorted(words or ()) if word in vocabulary]
            function_numbers = tuple(numbers[0] for numbers in known_words if len(numbers) == 1)
            return replace(
                usual,
                beam=beam,
                num=self.num,
                min_words=min_words,
                max_words=max_words,
                not_after=usual.not_after if self.max_words is None else vocabulary.rule(self.max_words),
                target_words=self.target_words,
                beginning=start,
                required=required,
                banned=tuple(banned),
                not_last=function_numbers if self.no_dangling else (),
                no_repeat=self.no_repeat,
                repeatable=function_numbers,
                groups=self.num if self.diversity else 1,
                diversity=self.diversity,
                sampling=self._sampling(),
            )
        except ValueError as error:
            raise OptionError(str(error)) from error

    def _lengths(self, usual: SearchOptions, vocabulary: Vocabulary) -> tuple[int, int]:
        """Least and most tokens: those asked for, else the model's own as far as they go together with what is asked."""
        least, target = self.min_words, self.target_words
        usual_most = max(usual.max_words, least or 0, target or 0)
        most = usual_most if self.max_words is None else vocabulary.most_tokens(self.max_words)
        if least is None:
            # A word may be one token, so that a caption of the most words need not have more tokens than that.
            least = min(usual.min_words, self.max_words or most, most if target is None else target)
        if least > most:
            raise OptionError(f"min_words ({least}) is more than max_words ({most})")
        return least, most


def _check_type(name: str, value: object, default: object) -> None:
    """JSON and other languages know no better than to give a text for a number; `default` shows what is wanted."""
    if name in ("must", "must_not"):
        right = isinstance(value, str) or (isinstance(value, Sequence) and all(isinstance(each, str) for each in value))
        wanted = "words, or a list of them"
    elif isinstance(default, bool):
        right, wanted = isinstance(value, bool), "true or false"
    elif isinstance(default, str):
        right, wanted = isinstance(value, str), "a text"
    elif isinstance(default, float) or name in ("temperature", "top_p"):
        right, wanted = isinstance(value, int | float) and not isinstance(value, bool), "a number"
    else:
        right, wanted = isinstance(value, int) and not isinstance(value, bool), "a whole number"
    if not right and not (value is None and default is None):
        raise OptionError(f"{name} must be {wanted}, not {value!r}")


def _items(texts: str | Sequence[str], name: str) -> Iterator[list[str]]:
    """The alternatives of each of the things that are listed."""
    for text in [texts] if isinstance(texts, str) else texts:
        for item in text.split(_LIST):
            if alternatives := [each.strip() for each in item.split(_ALTERNATIVES) if each.strip()]:
                yield alternatives
            elif text.strip():
                raise OptionError(f"{name} names nothing between two signs: {text!r}")


def _required(
    must: str | Sequence[str], banned: Sequence[Phrase], vocabulary: Vocabulary
) -> tuple[tuple[Phrase, ...], ...]:
    barred, lengths = frozenset(banned), {len(phrase) for phrase in banned}
    clauses = []
    for alternatives in _items(must, "must"):
        phrases = [_known(alternative, vocabulary) for alternative in alternatives]
        possible = [phrase for phrase in phrases if not barred.intersection(_parts(phrase, lengths))]
        if not possible:
            raise OptionError(f"must and must_not contradict each other: {_ALTERNATIVES.join(alternatives)!r}")
        clauses.append(tuple(dict.fromkeys(possible)))
    return tuple(dict.fromkeys(clauses))


def _parts(phrase: Phrase, lengths: Iterable[int]) -> Iterator[Phrase]:
    """What stands in the phrase side by side, of these lengths."""
    for length in lengths:
        yield from (phrase[at : at + length] for at in range(len(phrase) - length + 1))


def _phrases(must_not: str | Sequence[str], vocabulary: Vocabulary) -> list[Phrase]:
    """Those that the model could say at all."""
    phrases = []
    for alternatives in _items(must_not, "must_not"):
        for alternative in alternatives:
            words = tokenise(alternative)
            if words and all(word in vocabulary for word in words):
                phrases.append(tuple(vocabulary.to_numbers(words)))
    return phrases


def _known(text: str, vocabulary: Vocabulary) -> Phrase:
    words = tokenise(text)
    if not words:
        raise OptionError(f"{text!r} has no word in it")
    for word in words:
        if word not in vocabulary:
            near = difflib.get_close_matches(word, vocabulary.tokens[vocabulary.unk + 1 :], n=3)
            hint = f"the nearest it knows: {', '.join(near)}" if near else "nor any that is like it"
            raise OptionError(f"the model does not know the word {word!r}; {hint}")
    return tuple(vocabulary.to_numbers(words))


def _text(phrase: Phrase, vocabulary: Vocabulary) -> str:
    return " ".join(vocabulary.to_words(phrase))
