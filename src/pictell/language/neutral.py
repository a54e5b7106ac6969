"""People words without gender or age.

A caption says "man" or "girl" by clothes, hair and posture, and is often wrong: on Flickr8k dev one gendered word of the shipped
model in six stands where people write only of the other gender, one in eight where they write only of the other age. This
module words a caption without both, unless the photo settles it, and says by its lists what that means:

- `PERSON` and `PEOPLE`: nouns that become "person" and "people".
- `OTHERS`: relations and trades that have a word without gender.
- `AGES`: words for age or gender that are left out where a noun for people (`NEUTRAL` ones too) follows.
- `PRONOUNS`: in a caption with people, "he" becomes "the person", "his" and "her" become "their".

"Settled by the photo" is the model's own judgement: a word stays where the model gave it a probability of `SETTLED` or more.
What is said of animals stays too ("a baby elephant"). English only.
"""

from __future__ import annotations

from collections.abc import Sequence

SETTLED = 0.95
"""From this probability on a word stays: on Flickr8k dev the references bore out all four such words of the shipped model."""

_PERSON = """
man woman boy girl guy lady gentleman male female dude lad child kid baby toddler infant teenager teen adult
"""
_PEOPLE = """
men women boys girls guys ladies gentlemen males females dudes lads children kids babies toddlers infants teenagers teens
adults
"""
_NEUTRAL = """
person people couple crowd group player players athlete athletes skateboarder skateboarders skater skaters skier skiers
snowboarder snowboarders surfer surfers swimmer swimmers biker bikers bicyclist bicyclists cyclist cyclists rider riders
runner runners climber climbers hiker hikers dancer dancers student students worker workers performer performers
"""
_AGES = """
young old older younger elderly aged middle-aged teenage teenaged adult little male female grown
"""
_ANIMALS = """
animal animals bear bears bird birds bull calf cat cats cow cows deer dog dogs duck ducks elephant elephants giraffe giraffes
goat goats goose horse horses kitten lamb lion monkey penguin pony puppies puppy seal sheep tiger zebra zebras
"""
_BOUNDS = """
a an the and or of in on at with is are
"""

PERSON = frozenset(_PERSON.split())
PEOPLE = frozenset(_PEOPLE.split())
NEUTRAL = frozenset(_NEUTRAL.split())
AGES = frozenset(_AGES.split())
OTHERS = {
    "mother": "parent", "mothers": "parents", "mom": "parent", "mum": "parent", "father": "parent",
    "fathers": "parents", "dad": "parent", "daughter": "child", "daughters": "children", "son": "child",
    "sons": "children", "brother": "sibling", "brothers": "siblings", "sister": "sibling", "sisters": "siblings",
    "husband": "spouse", "wife": "spouse", "boyfriend": "partner", "girlfriend": "partner",
    "grandmother": "grandparent", "grandfather": "grandparent",
    "policeman": "police officer", "policemen": "police officers", "policewoman": "police officer",
    "fireman": "firefighter", "firemen": "firefighters", "businessman": "business person",
    "businessmen": "business people", "businesswoman": "business person", "salesman": "seller", "waiter": "server",
    "waitress": "server", "actress": "actor", "fisherman": "fisher", "fishermen": "fishers",
    "cameraman": "camera operator", "sportsman": "athlete", "sportsmen": "athletes",
}  # fmt: skip
PRONOUNS = {
    "he": "the person", "she": "the person", "his": "their", "her": "their", "hers": "theirs", "him": "them",
    "himself": "themselves", "herself": "themselves",
}  # fmt: skip

_NOUNS = PERSON | PEOPLE | OTHERS.keys() | NEUTRAL
_OF_ANIMALS = frozenset(_ANIMALS.split())
_ENDS_OF_PHRASES = frozenset(_BOUNDS.split()) | _OF_ANIMALS
_REACH = 3  # words between an adjective for age and its noun, the noun included


def neutral(words: Sequence[str], probs: Sequence[float] | None = None) -> list[str]:
    """The words of a caption with its people words made neutral; `probs` (0..1), one a word, tell which are settled.

    Without `probs` none is. What needs no change comes back as it is.
    """
    sure = [False] * len(words) if probs is None else [prob >= SETTLED for prob in probs]
    roles = [_role(words, at) for at in range(len(words))]
    anyone = any(role == "noun" for role in roles) or bool({"he", "she"}.intersection(words))
    parts: list[str | None] = []  # what each word becomes, `None` where it stays
    for word, role, settled in zip(words, roles, sure, strict=True):
        part = None
        if role == "noun":
            part = "person" if word in PERSON else "people" if word in PEOPLE else OTHERS.get(word)
        elif role == "age":
            part = ""
        elif anyone:
            part = PRONOUNS.get(word)
        parts.append(None if settled else part)
    if all(part is None for part in parts):
        return list(words)
    return _two_people(_with_articles(words, parts))


def _role(words: Sequence[str], at: int) -> str | None:
    """`noun` for people, `age` for an adjective before one, `None` for any other word."""
    word = words[at]
    if word in AGES:
        for following in words[at + 1 : at + 1 + _REACH]:
            if following in _NOUNS:
                return "age"
            if following in _ENDS_OF_PHRASES:
                break
    of_an_animal = (words[at + 1 : at + 2] and words[at + 1] in _OF_ANIMALS) or (at > 0 and words[at - 1] == "its")
    return "noun" if word in _NOUNS and not of_an_animal else None


def _with_articles(words: Sequence[str], parts: Sequence[str | None]) -> list[str]:
    """The words with their new parts; an article before what was changed is put right (`an old man`, `a person`)."""
    result: list[str] = []
    changed = False  # since the last word of `result`
    for word, part in zip(words, parts, strict=True):
        changed = changed or part is not None
        following = word if part is None else part
        if not following:
            continue
        if changed and result and result[-1] in ("a", "an"):
            result[-1] = "an" if following[0] in "aeiou" and not following.startswith("uni") else "a"
        result += following.split()
        changed = False
    return result


def _two_people(words: list[str]) -> list[str]:
    """`a person and a person` is two people, `people and people` are people."""
    text = f" {' '.join(words)} "
    for several, few in (
        (" a person and a person ", " two people "),
        (" a person and person ", " two people "),
        (" people and people ", " people "),
    ):
        text = text.replace(several, few)
    return text.split()
