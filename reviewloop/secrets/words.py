"""Tells words that people wrote from letters that a generator drew."""

import math
import re

# The pairs of letters that make up nearly nine tenths of English and of programmers' names.
_PAIRS = """
th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co
me de hi ri ro ic ne ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us
ac ot il tr ly nc et ut ss so rs un lo wa ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa
im mi ai sh ir su id os iv ia am fi ci vi pl ig tu ev ld ry mp fe bl ab gh ty op wo sa ay ex ke
ui ag bu av ap gi ki fa go up ob sp ub da pu ga bo do gr cr cl br ck ff tt pp oo ey ys ws ds rd
rk rm rn rv ef eg ep ew ua ue um va vo ye yp ms mm nn rr cu fr fl ft if ik ip ba bi bs cc ct dd
du dm dr eb ei ek eo gs gu gl ht hu hr ks kn ku lt ls lu lv mb mu my nk nu nv ny ok od og ov oa
oc oi oy ps pt ph qu rc rg rl rp ru sc sk sl sm sn sw tm tw ug ud wn wr xt xp ze za zi
"""
_COMMON = frozenset(_PAIRS.split())
_LETTERS = re.compile(r"[A-Za-z]{2,}")
_HUMPS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


def entropy(value: str) -> float:
    """Return the bits per character of a text, 0.0 for an empty one."""
    bits, length, count, log2 = 0.0, len(value), value.count, math.log2
    for character in set(value):
        share = count(character) / length
        bits -= share * log2(share)
    return bits


def reads_like_words(value: str) -> bool:
    """Whether the letters of a value follow each other as in words; False without pairs."""
    pairs = common = 0
    for run in _LETTERS.findall(value):
        # A hump of camel case starts anew: its first pair with the letter before it means nothing.
        for hump in _HUMPS.findall(run):
            if len(hump) >= 2:
                lowered = hump.lower()
                pairs += len(lowered) - 1
                common += sum(lowered[at : at + 2] in _COMMON for at in range(len(lowered) - 1))
    return pairs > 0 and common / pairs >= 0.62


def kinds(value: str) -> int:
    """Count the kinds of characters: lower case, upper case, digits, others."""
    return (
        any(c.islower() for c in value)
        + any(c.isupper() for c in value)
        + any(c.isdigit() for c in value)
        + any(not c.isalnum() for c in value)
    )


def split_name(name: str) -> list[str]:
    """Return the words of an identifier, lower case: `dbPassword2` is db, password, 2."""
    return [hump.lower() for hump in _HUMPS.findall(name)]
