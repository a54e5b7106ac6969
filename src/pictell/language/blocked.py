"""Words that pictell does not learn and never says.

Captions written by crowds contain slurs and coarse words. They leave the vocabulary, and captions that use them leave the
training set, so that no hole is learnt in their place. The list is short and about people: words whose main use is to
demean a group, and coarse words for bodies and sex. It is data to be argued about in the open, not a filter of opinions.
"""

from __future__ import annotations

from collections.abc import Iterable

_STEMS = """
bitch bitches bum bums chink chinks coon coons cripple cripples cunt cunts dyke dykes fag fags faggot faggots fuck fucked
fucking fucks gook gooks gyp gypsies gypsy hobo hobos hooker hookers injun injuns jap japs kike kikes midget midgets negro
negroes nigga niggas nigger niggers oriental orientals paki pakis queer queers raghead ragheads redskin redskins retard
retarded retards savage savages shit shite shits shitting slut sluts spic spics squaw squaws tits tranny trannies
wetback wetbacks whore whores
"""

BLOCKED_WORDS: frozenset[str] = frozenset(_STEMS.split())


def has_blocked_word(words: Iterable[str]) -> bool:
    """Whether any of the (lower-case) words, or any part of a hyphenated one, is in `BLOCKED_WORDS`."""
    return any(part in BLOCKED_WORDS for word in words for part in word.split("-"))
