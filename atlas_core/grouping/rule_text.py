r"""The text of a project's rules, a rule a line: `MATCHER MATCHER ... -> PART, PART`.

    # the pool is one issue, whoever waits for it
    type:OperationalError message:"*remaining connection slots*" -> database-pool
    message:/^order \d+ failed$/ !environment:production -> order-failed, {{ environment }}
    module:shop.pay.* function:charge tags.tier:gold -> {{ default }}, gold

A matcher is `KEY:GLOB`, `KEY:/REGEX/` or `KEY~REGEX`; `!` before it negates. Values with blanks go in double quotes.

A glob is compared with a whole text, a regular expression is looked for in its first 1,024 bytes. Of a stack rules
read the 100 different frames nearest the crash; of all texts that a key names 8,192 characters, regular expressions
2,048 bytes. What all rules together may take for the worst event is limited too.
"""

from functools import lru_cache
from typing import Final, NoReturn

from atlas_core import limits
from atlas_core.errors import WrongShapeError
from atlas_core.events import Level
from atlas_core.grouping import parts, patterns
from atlas_core.grouping.costs import cost_us
from atlas_core.grouping.rules import Matcher, Rule
from atlas_core.grouping.subjects import KEYS, TAG

_ARROW: Final = "->"
_PLACEHOLDER: Final = "a placeholder such as {{ default }}, with two braces"
_SENTRY: Final = {
    "error.type": "type", "error.value": "message", "value": "message", "stack.module": "module",
    "stack.function": "function", "stack.abs_path": "path",
}  # fmt: skip
_LEVELS: Final = tuple(level.value for level in Level)


class RuleSyntaxError(WrongShapeError):
    """The text of rules is wrong at one place.

    Attributes:
        line: Counted from 1.
        column: In characters, counted from 1.
        expected: What should stand there.
    """

    def __init__(self, line: int, column: int, expected: str) -> None:
        super().__init__(f"line {line}, column {column}: expected {expected}")
        self.line = line
        self.column = column
        self.expected = expected


@lru_cache(256)
def rules_of(text: str) -> tuple[Rule, ...]:
    """Return the rules in the order in which they are tried; empty lines and lines that start with `#` are none.

    Raises:
        RuleSyntaxError: Something is not as the language has it, or past a limit.
    """
    if len(text) > limits.GROUPING_RULES_CHARACTERS:
        raise RuleSyntaxError(1, 1, f"at most {limits.GROUPING_RULES_CHARACTERS:,} characters of rules")
    found: list[Rule] = []
    budget = _Budget()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if len(found) == limits.GROUPING_RULES:
            raise RuleSyntaxError(number, 1, f"at most {limits.GROUPING_RULES} rules")
        found.append(_Line(line.rstrip(), number, budget).rule())
    return tuple(found)


class _Budget:
    """What the matchers that were read may take for the worst event."""

    def __init__(self) -> None:
        self.taken_us = 0.0

    def take(self, matcher: Matcher) -> bool:
        """Add a matcher, and tell whether the rules still take no longer than they may."""
        self.taken_us += cost_us(matcher.key, matcher.pattern)
        return self.taken_us <= limits.GROUPING_RULES_COST_MS * 1_000


class _Line:
    """Reads one rule from left to right."""

    def __init__(self, text: str, number: int, budget: _Budget) -> None:
        self._text = text
        self._number = number
        self._budget = budget
        self._at = 0

    def rule(self) -> Rule:
        self._skip_blanks()
        matchers = [self._matcher("a matcher such as type:ValueError")]
        while self._skip_blanks() and not self._text.startswith(_ARROW, self._at):
            if len(matchers) == limits.GROUPING_RULE_MATCHERS:
                self._fail(f"-> after at most {limits.GROUPING_RULE_MATCHERS} matchers")
            matchers.append(self._matcher("another matcher, or -> and the fingerprint"))
        if not self._take(_ARROW):
            self._fail("a blank, then another matcher, or -> and the fingerprint")
        return Rule(tuple(matchers), self._parts(), self._number, self._text.strip())

    def _matcher(self, expected: str) -> Matcher:
        start = self._at
        matcher = self._read_matcher(expected)
        if not self._budget.take(matcher):
            self._fail(
                f"less work: all rules may take {limits.GROUPING_RULES_COST_MS} ms for the worst event, with this "
                f"matcher they may take {self._budget.taken_us / 1_000:.2f} (globs take least, long regular "
                "expressions and those on frames most)",
                start,
            )
        return matcher

    def _read_matcher(self, expected: str) -> Matcher:
        start = self._at
        negated = self._take("!")
        key = self._key(expected, start)
        if self._take("~"):
            return Matcher(key, self._regex(self._at, self._value("a regular expression")), negated)
        if not self._take(":"):
            self._fail(": and a value, or ~ and a regular expression")
        at = self._at
        if self._take("/"):
            return Matcher(
                key, self._regex(at + 1, self._until("/", "/ at the end of the regular expression")), negated
            )
        value = self._value("a value")
        if key == "level" and "*" not in value and value not in _LEVELS:
            self._fail(f"one of {', '.join(_LEVELS)}", at)
        return Matcher(key, patterns.glob(value), negated)

    def _key(self, expected: str, start: int) -> str:
        at = self._at
        while self._at < len(self._text) and (self._text[self._at].isalnum() or self._text[self._at] in "._-"):
            if self._text.startswith(_ARROW, self._at):
                break
            self._at += 1
        name = self._text[at : self._at]
        if not name:
            self._fail(expected, start)
        key = _SENTRY.get(name, name)
        if key not in KEYS and not (key.startswith(TAG) and len(key) > len(TAG)):
            self._fail(f"one of {', '.join(KEYS)}, {TAG}NAME", at)
        return key

    def _value(self, expected: str) -> str:
        """Return a value: quoted, or up to the next blank."""
        start = self._at
        if self._take('"'):
            value = self._until('"', 'a closing "')
        else:
            while self._at < len(self._text) and not self._text[self._at].isspace():
                self._at += 1
            value = self._text[start : self._at]
        if not value:
            self._fail(expected, start)
        if len(value) > limits.GROUPING_PATTERN_CHARACTERS:
            self._fail(f"at most {limits.GROUPING_PATTERN_CHARACTERS} characters", start)
        return value

    def _until(self, end: str, expected: str) -> str:
        """Return the text up to `end`; a backslash before `end` makes it plain, other backslashes stay."""
        start = self._at
        found: list[str] = []
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == end:
                self._at += 1
                return "".join(found)
            if character == "\\" and self._at + 1 < len(self._text):
                self._at += 1
                following = self._text[self._at]
                character = following if following == end else character + following
            found.append(character)
            self._at += 1
        return self._fail(f"{expected} (it starts at column {start})")

    def _regex(self, at: int, pattern: str) -> patterns.Pattern:
        if not pattern or len(pattern) > limits.GROUPING_PATTERN_CHARACTERS:
            self._fail(f"a regular expression of 1 to {limits.GROUPING_PATTERN_CHARACTERS} characters", at)
        try:
            return patterns.regex(pattern)
        except WrongShapeError as error:
            self._fail(f"a regular expression that RE2 takes ({error})", at)

    def _parts(self) -> tuple[str, ...]:
        found: list[str] = []
        while True:
            self._skip_blanks()
            if len(found) == limits.GROUPING_RULE_PARTS:
                self._fail(f"at most {limits.GROUPING_RULE_PARTS} parts")
            found.append(self._part())
            if self._at == len(self._text):
                return tuple(found)
            if not self._take(","):
                self._fail("a comma and another part, or the end of the line")

    def _part(self) -> str:
        start = self._at
        if self._take('"'):
            part = self._until('"', 'a closing "')
            self._skip_blanks()
        else:
            end = self._text.find(",", start)
            self._at = len(self._text) if end < 0 else end
            part = self._text[start : self._at].rstrip()
        if not part or len(part) > limits.GROUPING_PATTERN_CHARACTERS:
            self._fail(f"a part of the fingerprint, 1 to {limits.GROUPING_PATTERN_CHARACTERS} characters", start)
        self._check_placeholders(part, start)
        return part

    def _check_placeholders(self, part: str, start: int) -> None:
        for match in parts.PLACEHOLDER.finditer(part):
            if not parts.is_known(match[1]):
                self._fail(f"one of {', '.join(parts.NAMES)} in {{{{ }}}}", self._text.find(match[0], start))
        rest = parts.PLACEHOLDER.sub(lambda match: " " * len(match[0]), part)
        for brackets in ("{{", "}}"):
            if brackets in rest:
                self._fail(_PLACEHOLDER, self._text.find(brackets, start + rest.find(brackets)))
        # One more brace beside a placeholder would be part of the fingerprint; nobody means that.
        for brackets, stray in (("{{{", 0), ("}}}", 2)):
            if brackets in part:
                self._fail(_PLACEHOLDER, self._text.find(brackets, start) + stray)

    def _take(self, text: str) -> bool:
        taken = self._text.startswith(text, self._at)
        if taken:
            self._at += len(text)
        return taken

    def _skip_blanks(self) -> bool:
        """Skip blanks and tell whether there were some."""
        start = self._at
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._at > start

    def _fail(self, expected: str, at: int | None = None) -> NoReturn:
        raise RuleSyntaxError(self._number, (self._at if at is None else at) + 1, expected)
