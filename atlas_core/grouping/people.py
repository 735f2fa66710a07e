"""People, hosts and quoted input that only the words around them give away; frozen with `normalized`."""

import re
from typing import Final

from atlas_core.grouping.vocabulary import SLOT

_QUOTED: Final = r"(?:\"[^\"]{0,200}+\"|'[^']{0,200}+'|“[^”]{0,200}+”)"
_NOT_A_NAME: Final = (
    "unknown|not|is|was|has|does|with|by|from|in|on|of|and|or|to|id|ids|name|agent|requests?|input|data|sessions?|accounts?"
    "|cannot|must|already|profile|settings|preferences|list|table|token|email|password|service|groups?|roles?|defined"
    "|errors?|actions?|activity|interface|process|type|function|code|quota|limit|records?|permissions?|keys?|credentials"
    "|devices?|address|files?|messages?|events?|objects?|model|schema|context|state|status|store|cache|info|details"
)
_USER: Final = rf"(?!(?:{_NOT_A_NAME})\b)[\w.@{SLOT}$-]{{1,64}}+"
_BEFORE_USER: Final = "(?:(?<=for u)|(?<=of u)|(?<=by u)|(?<=as u)|(?<=nvalid u)|(?<=nknown u)|(?<=such u))"
"""Look-behinds of one width each, as `re` demands."""
_AFTER_USER: Final = "not found|does not exist|doesn't exist|already exists|has no |is not "
_CLAIM: Final = "contains|is|was|has|does|must|cannot|already|not|exceeds|too|could|should|may"
_BEFORE_INPUT: Final = (
    r"literal for \w{1,20}\(\) with base \S{1,3}:|onvert string to \w{1,20}:|format string:|input string:"
    r"|input syntax for (?:type )?[\w ]{1,20}:|uplicate entry|parsing|time data|input_value=|unable to parse"
    r"|nvalid (?:value|date|input|choice|email|uuid|UUID|url|URL):?"
)
_INPUT: Final = re.compile(rf"({_BEFORE_INPUT}) ?{_QUOTED}")
_STEPS: Final = (
    ("ser '", re.compile(r"ser '[^']{1,64}+'"), f"ser {SLOT}"),
    ('ser "', re.compile(r"ser \"[^\"]{1,64}+\""), f"ser {SLOT}"),
    ("ser ", re.compile(rf"{_BEFORE_USER}ser {_USER}(?=$| from\b| by\b| \[| \(|[,:])"), f"ser {SLOT}"),
    ("ser ", re.compile(rf"ser {_USER}(?= (?:{_AFTER_USER}))"), f"ser {SLOT}"),
    (" from ", re.compile(rf" for [\w.{SLOT}$-]{{1,64}}+(?= from {SLOT})"), f" for {SLOT}"),
    (
        "=",
        re.compile(
            r"=(?:(?<=user=)|(?<=username=)|(?<=login=)|(?<=logname=)|(?<=host=)|(?<=hostname=)|(?<=email=)|(?<=owner=))"
            r"(?:\"[^\"]{0,80}+\"|'[^']{0,80}+'|[^\s,;&\"')\]}]*+)"
        ),
        f"={SLOT}",
    ),
    (
        " name ",
        re.compile(
            rf"(?<=[a-z]) name (?:(?!(?:{_CLAIM}|lookup|resolution|server)\b)[^\s,:;]{{1,40}}+ ){{1,4}}+"
            rf"(?=(?:{_CLAIM})\b)"
        ),
        f" name {SLOT} ",
    ),
    (" is not ", re.compile(rf"(^|: ){_QUOTED}(?= is not (?:a valid|valid|one of|in list))"), rf"\1{SLOT}"),
    ("'", _INPUT, rf"\1 {SLOT}"),
    ('"', _INPUT, rf"\1 {SLOT}"),
    (")=(", re.compile(r"\)=\([^)]{0,200}+\)"), f")=({SLOT})"),
    ("row contains (", re.compile(r"row contains \([^)]{0,400}+\)"), f"row contains ({SLOT})"),
)


def slotted(text: str) -> str:
    """Return the text with a slot for user names, hosts of `host=`, names of people and values quoted from input."""
    for hint, pattern, slot in _STEPS:
        if hint in text:
            text = pattern.sub(slot, text)
    return text
