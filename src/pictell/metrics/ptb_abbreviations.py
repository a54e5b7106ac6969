"""Words the Penn Treebank tokeniser knows: abbreviations that keep their period, words it splits, sentence starters.

Gathered by watching the reference tokenise every string of one to five letters and longer beginnings of English words.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: Keep a following period, whatever their case; a sentence may end with them.
MAY_END_A_SENTENCE = _words(
    """
    al ala apr ariz assn aug bhd bldg blvd bros calif co colo conn corp cos ct dak dec esq est etc ext feb fla
    fri ga inc ind intl jan jr jul jun kan kans ky ltd mar md mich minn mo mon mont neb nev nov oct okla penn
    plc rd rt sep sept seq sq sr sys tel tenn thu thurs tue tues univ va vt wed wis wisc wyo
    """
)

#: Keep a following period, whatever their case; a sentence goes on after them.
GO_ON = _words(
    """
    adj adm adv alex assoc asst atty attys ave brig capt cf cie cmdr col comdr cpl dept det dr drs elec ens ft
    gen gov govs hon insp invt jos lieut lt maj messrs mlle mme mr mrs ms msgr mt natl pfc ph pres prof profs
    pvt rep reps rev sen sens sfc sgt spc st ste supt treas vs wm
    """
)

#: Keep a following period where they begin with a capital: as words they are too common.
CAPITALISED = ("ark", "az", "del", "ill", "la", "mass", "miss", "ore", "pa", "tex", "wash")

#: Keep a following period before a number: `no. 5`.
NUMBERED = ("art", "fig", "figs", "no", "nos", "op", "pp", "prop")

#: Words that are two: `cannot` is `can not`. The number is the length of the first.
SPLIT = {"cannot": 3, "gimme": 3, "gonna": 3, "gotta": 3, "lemme": 3, "wanna": 3}

#: Words with an apostrophe inside or at their end that stay whole, `ol'` and `d'` before any letter too; with ’ as well.
BEFORE_EITHER_APOSTROPHE = ("c'est", "cap'n", "d'", "dunkin'", "j'", "l'", "o'o", "ol'")
#: The same, with the plain apostrophe only.
BEFORE_PLAIN_APOSTROPHE = ("c'mon", "e'er", "ev'ry", "li'l", "nat'l", "s'mores")

#: Endings of file names: `5.jpg` is one token.
FILE_ENDINGS = _words(
    """
    bat bmp c cgi class cpp dll doc docx exe gif gz h htm html jar java jpeg jpg mov mp3 pdf php pl png ppt ps py sql
    tar txt wav x xml zip
    """
)

#: A capitalised one of these after an initial and its period begins a sentence, so that the period is none of the
#: initial's: `plan b. The`.
STARTERS = _words(
    """
    a about according additionally after an as at but earlier he her here however if in it last many more now once one
    other our she since so some such that the their then there these they this we what when while yet you mr. ms.
    """
)
