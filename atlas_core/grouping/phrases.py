"""The words of a message together: what its neighbours say about a word; frozen with `normalized`."""

import re
from functools import lru_cache
from typing import Final

from atlas_core.grouping import vocabulary, words
from atlas_core.grouping.vocabulary import SLOT

_EDGES: Final = "[](){}<>=:;,.#\"'`|-"
_VERSION: Final = re.compile(r"v?[0-9][0-9A-Za-z.+-]{0,15}+")
_QUOTED_WORD: Final = re.compile(r"['\"][A-Za-z_.]{1,60}+[0-9]{1,3}['\"][.,;:)]?+")
_ERROR_NUMBER: Final = re.compile(r"#?-?[0-9]{1,6}:?")
_DATABASE_ERROR: Final = re.compile(r"\([0-9]{4},")
"""`(1062, "Duplicate entry ...")`: what MySQL's drivers raise."""
_HOST_LIST: Final = f"-[{SLOT}]"
_HOST: Final = f"-{SLOT}"
"""`node-[40-63]`: hosts as cluster tools list them; one or many, they are where it happened."""
_HTTP_DIGITS: Final = 3
_HTTP_ERROR_IS: Final = (["Client"], ["Server"])
"""`404 Client Error: Not Found`: what comes after the number in the errors of requests."""


def slotted(text: str) -> str:
    """Return the text with a slot for each part that varies; blanks between words become one space."""
    shown: list[str] = []
    after_slot = False
    told = text.split()
    for place, word in enumerate(told):
        slot = None if word.isalpha() else words.slotted(word)
        if slot is None:
            if after_slot and (rest := _rest_of_unit(word)) is not None:
                shown[-1] += rest
                after_slot = not rest
                continue
            shown.append(f"({SLOT})" if after_slot and word == "()" else word)
            after_slot = False
        elif _names_the_problem(told, place, word):
            shown.append(word)
            after_slot = False
        else:
            _add(shown, slot)
            after_slot = shown[-1][-1] == SLOT
    return " ".join(shown).replace(_HOST_LIST, _HOST)


def _add(shown: list[str], slot: str) -> None:
    """Add a word with slots: a date swallows its day and month, a list of any length counts once."""
    if slot[0] == SLOT:
        while shown and _is_calendar(shown[-1]):
            shown.pop()
        if shown and (last := shown[-1].removesuffix(",")).endswith(SLOT):
            shown[-1] = last + slot[1:]
            return
    elif shown and slot.rstrip(",") == shown[-1].rstrip(","):
        shown[-1] = slot
        return
    shown.append(slot)


@lru_cache(1_024)
def _rest_of_unit(word: str) -> str | None:
    """Return the punctuation after a unit of time, size or money, or after a number behind asterisks; else None."""
    unit = word.rstrip(".,;:)]}\"'")
    return word[len(unit) :] if unit.lower() in vocabulary.UNITS or unit.startswith("***") else None


@lru_cache(1_024)
def _is_calendar(word: str) -> bool:
    return word[0].isupper() and word.rstrip(".,").lower() in vocabulary.CALENDAR


def _names_the_problem(told: list[str], place: int, word: str) -> bool:
    """Tell whether a word with digits is a code, a status, a version or a name, by the words around it."""
    if len(word) == _HTTP_DIGITS and told[place + 1 : place + 2] in _HTTP_ERROR_IS:
        return True
    if place == 0:
        return _DATABASE_ERROR.fullmatch(word) is not None
    before = told[place - 1]
    if before in {"=", ":"} and place > 1:
        before = told[place - 2]
    name = _name(before)
    return name != "" and _is_named(word, name, before, told[max(0, place - 2)])


def _is_named(word: str, name: str, before: str, earlier: str) -> bool:
    """Tell whether `name`, that of the word `before`, makes a word with digits say which problem it is."""
    if name in vocabulary.NAMES_A_QUOTED_WORD:
        return _QUOTED_WORD.fullmatch(word) is not None
    core = word.strip(_EDGES)
    if name.endswith(("error", "exception")):
        numbers = _DATABASE_ERROR if before[-1] == ":" else _ERROR_NUMBER
        return numbers.fullmatch(word) is not None or words.is_code(core, name)
    if name == "status" and earlier == "exit":
        return True
    if name == "status" and earlier.startswith("HTTP/"):
        return False  # an access record tells what was answered, not what went wrong
    return _VERSION.fullmatch(core) is not None and words.is_named(name, core)


@lru_cache(4_096)
def _name(word: str) -> str:
    """Return the lower-case name in a word that can name the next word, empty when it cannot."""
    name = word.strip(_EDGES).lower()
    known = name in vocabulary.NAMES_A_NUMBER or name in vocabulary.NAMES_A_QUOTED_WORD
    return name if known or name.endswith(("error", "exception", "status")) else ""
