"""What secrets look like, and what their fields are called.

Every repetition is bounded and begins at a sign that the repetition cannot hold, so that looking for a pattern takes
time linear in the text. Sources: the documented formats of each issuer, read 2026-11.
"""

import re
from typing import Final

# Parts of a field's name in lower case; a bar is where a dash, a dot, a blank or an underscore may stand.
_PARTS: Final = (
    "pass|w", "pass|phrase", "secret", "token", "authorization", "cookie", "api|key", "access|key", "private|key",
    "signing|key", "session|id", "sess|id", "csrf", "xsrf", "credential", "connection|string", "bearer", "jwt",
)  # fmt: skip
# Whole names, which are too short or too common to be looked for inside others.
_WHOLE: Final = ("pwd", "auth", "session", "sid", "otp", "pin", "cvv", "cvc", "card|number", "credit|card", "dsn")
NAME_PARTS: Final = tuple(part.replace("|", "") for part in _PARTS)
NAMES: Final = frozenset(name.replace("|", "") for name in (*_WHOLE, "x|api|key"))
# What a text holds that names a secret: one of these, and behind it a colon or an arrow.
NAMED: Final = tuple(
    dict.fromkeys(
        name.replace("|", separator)
        for separator in ("", "-", "_", ".", " ")
        for name in (*_PARTS, *(f"{name}{end}" for name in _WHOLE for end in ('"', "'", "\\", ":")))
    )
)


SecretPattern = tuple[tuple[str, ...], re.Pattern[str]]


def _pattern(signs: str, expression: str) -> SecretPattern:
    """Return texts in lower case of which one is in every match, and an expression.

    Its first group is kept. A match whose group `code` takes part is a piece of a program, and kept whole.
    """
    return tuple(signs.split("|")), re.compile(expression)


def _token(signs: str, expression: str) -> SecretPattern:
    """Return the pattern of a token that is known by how it begins."""
    return _pattern(signs, rf"()(?<![A-Za-z0-9_-]){expression}")


_PARAMETERS: Final = "password|passwd|passphrase|pwd|secret|token|api_key|api-key|apikey|access_key|auth|session|sig"
_CREDENTIALS: Final = r"(?=[^ ][a-z]{0,2048}[A-Z0-9=+/._~-])[A-Za-z0-9._~+/-]{8,4096}={0,2}"
_PEM_LINES: Final = r"[^-]{0,32768}(?:-(?!----)[^-]{0,4096}){0,64}"

VALUES: Final[tuple[SecretPattern, ...]] = (
    _token("atlas_", r"atlas_[0-9a-f]{64}"),
    _pattern("bearer ", rf"((?i:\bbearer) {{1,8}}){_CREDENTIALS}"),
    _pattern("basic ", rf"((?i:\bbasic) {{1,8}}){_CREDENTIALS}"),
    _pattern("cookie:", r"((?i:cookie): ?)(?=[^\s=;\"]{1,256}=)[^\r\n\"]{1,4096}"),
    _pattern("authorization:", r"((?i:authorization): ?(?:[A-Za-z]{1,20} )?)[^\s\"']{8,4096}"),
    # A password in a URL, and in a query string, form or connection string; code, f(token=x, y), is left alone.
    _pattern("://", r"(://[^\s:/@\"']{0,128}:)[^\s/@\"']{1,256}(?=@)"),
    _pattern(
        "|".join(f"{name}=" for name in _PARAMETERS.split("|")),
        rf"((?i:(?:^|(?<=[\s?&;\"']))[\w-]{{0,40}}(?:{_PARAMETERS})=))[^\s&;,)\"'(]{{1,1024}}+"
        r"(?P<code>(?=[,)(]))?",
    ),
    _token("eyj", r"eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{8,2048}"),
    _pattern(
        "-----begin",
        rf"()-----BEGIN [A-Z ]{{0,40}}PRIVATE KEY(?: BLOCK)?-----{_PEM_LINES}"
        r"(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
    ),
    _token("akia|asia", r"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Z])"),
    _token("aiza", r"AIza[\w-]{35}"),
    _token("ya29.", r"ya29\.[\w-]{20,2048}"),
    _pattern("accountkey=", r"((?i:AccountKey)=)[A-Za-z0-9+/=]{40,128}"),
    _token("ghp_|gho_|ghu_|ghs_|ghr_", r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    _token("github_pat_", r"github_pat_[A-Za-z0-9_]{20,255}"),
    _token("glpat-", r"glpat-[\w-]{20,64}"),
    _token("xox", r"xox[abeoprs]-[A-Za-z0-9-]{10,256}"),
    _pattern("hooks.slack.com/", r"(hooks\.slack\.com/services/)[A-Za-z0-9/]{20,256}"),
    _token("_live_", r"[rsp]k_live_[A-Za-z0-9]{16,255}"),
    _token("npm_", r"npm_[A-Za-z0-9]{36}"),
    _token("pypi-", r"pypi-[\w-]{50,1024}"),
    _token("sg.", r"SG\.[\w-]{16,32}\.[\w-]{32,64}"),
    _token("hf_", r"hf_[A-Za-z0-9]{30,64}"),
    _token("sk-", r"sk-[A-Za-z0-9_-]{20,256}"),
    _token("dop_v1_", r"dop_v1_[0-9a-f]{64}"),
)

# 13 to 19 digits that begin as card numbers do; whether they are one, their issuer and their check digit tell.
CARD_DIGITS: Final = 13
CARD: Final = re.compile(r"(?<![0-9])(?<![0-9][.-])[2-6][0-9]{3}(?:[ -]?[0-9]){9,15}(?![0-9]|[.-][0-9])")
# ISO/IEC 7812: Visa, Mastercard (two ranges), American Express, Diners Club, JCB, Discover and UnionPay, Maestro.
# Times since 1970 in milli-, micro- and nanoseconds begin with 1 until 2033, dates as digits with 20: neither is here.
ISSUED: Final = re.compile(
    r"4[0-9]{12}(?:[0-9]{3}){0,2}|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
    r"|3[47][0-9]{13}|3(?:0[0-5]|[689][0-9])[0-9]{11,16}|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"
    r"|6(?:011|4[4-9][0-9]|5[0-9]{2}|2[0-9]{2})[0-9]{12,15}|(?:5[0678]|6[37])[0-9]{11,17}"
)
# What numbers are called that are no card's, however they begin.
COUNTED: Final = ("_id", "size", "memory", "storage", "bytes", "time", "timestamp")

# A quoted name before a colon or an arrow and a quoted value or a number; the quotes may be escaped, once or more.
QUOTED_NAME: Final = re.compile(
    r"(?P<quote>\\{0,15}+[\"'])(?P<name>[\w. -]{1,64}+)(?P=quote)\s{0,16}(?::|=>)\s{0,16}"
    r"(?=[bu]?\\{0,15}+[\"']|-?[0-9])"
)
# Its value ends at the quote that it began with; one that was cut off, at the end of the text.
QUOTED_VALUE: Final = re.compile(
    r"[bu]?(?P<quote>[\"'])(?P<value>(?:[^\\\"']|\\.|(?!(?P=quote))[\"'])*+)"
    r"|[bu]?(?P<escaped>\\++[\"'])(?P<inner>(?:[^\\\"']|(?!(?P=escaped))(?:\\++[\"']?|[\"']))*+)"
    r"|(?P<number>-?[0-9][0-9.]*+)",
    re.DOTALL,
)
# `X-API-Key: value` anywhere; of other names, only what is alone on its line or between separators, or prose would go.
HEADER: Final = re.compile(
    r"(?<![\w.-])(?P<name>[A-Za-z][\w-]{1,63}+):[ \t]{1,8}(?P<value>[^\s\"',;\\}\])]{1,4096}+)"
    r"(?P<ends>[ \t]{0,8}(?:$|[,;}\r]))?",
    re.MULTILINE,
)
ALONE_AFTER: Final = ("\n", "\r", ",", ";", "{", "(", "[", "&")
