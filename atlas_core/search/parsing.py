"""Reads the query language. Whatever the text, it is read or refused with the place where it goes wrong."""

import re
import unicodedata
from typing import Final, NoReturn, get_args

from atlas_core import limits
from atlas_core.errors import UnreadableError
from atlas_core.search.fields import FIELDS, TAG, Field, field_named
from atlas_core.search.terms import Compare, Query, Term, Value, Word

_SPACES: Final = re.compile(r"\s*")
_NAME: Final = re.compile(r"[.-]*[^\W\d][\w.-]*(?=:)")
_COMPARED: Final = re.compile(r"\w+(?=!?[<>=])")
_LOOSE: Final = re.compile(r":|!?[<>=]")
_TAG_NAME: Final = re.compile(r"tags\.", re.IGNORECASE)
_BARE_TAG: Final = re.compile(r'[^\s:"]+')
_BARE: Final = re.compile(r'[^\s"]+')
_BARE_IN_LIST: Final = re.compile(r'[^\s",\[\]]+')
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD: Final = re.compile(r"[^\W_]")
_ESCAPED: Final = re.compile(r'\\(["\\])')
_SIGNS: Final = tuple(sorted(get_args(Compare), key=len, reverse=True))
_OPERATORS: Final = {"AND": "terms that stand side by side must all hold", "OR": "level:[error,critical]"}


def parse(text: str) -> Query:
    """Return the terms of a query; no terms for blank text.

    Raises:
        UnreadableError: The text is not a query; the error says where and what was expected there.
    """
    return _Reader(text).query()


class _Reader:
    """Goes through the text once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def query(self) -> Query:
        self._check_characters()
        terms: list[Term] = []
        self._skip_spaces()
        while self._at < len(self._text):
            if len(terms) == limits.QUERY_TERMS:
                self._refuse(f"the query has more than {limits.QUERY_TERMS} terms")
            self._check_space(terms)
            terms.append(self._term())
            self._skip_spaces()
        return tuple(terms)

    def _check_characters(self) -> None:
        if len(self._text) > limits.QUERY_CHARACTERS:
            self._at = limits.QUERY_CHARACTERS
            self._refuse(f"the query is longer than {limits.QUERY_CHARACTERS:,} characters")
        for n, character in enumerate(self._text):
            if unicodedata.category(character) in ("Cc", "Cs") and not character.isspace():
                self._at = n
                self._refuse("a character that cannot be part of a query")

    def _term(self) -> Term:
        start = self._at
        negated = self._text[self._at] in "-!"
        self._at += negated
        if found := _TAG_NAME.match(self._text, self._at):
            self._at = found.end()
            return self._after_name("tags", TAG, negated=negated, key=self._tag_name())
        if found := _NAME.match(self._text, self._at):
            field = field_named(found[0])
            if field is not None:
                self._at = found.end()
                return self._after_name(field, FIELDS[field], negated=negated)
            if not self._is_pasted(found):
                names = (*FIELDS, f"tags.{found[0][:50]}", "quotation marks around text with a colon")
                self._refuse(f"there is no field {found[0][:50]!r}", *names)
        if (found := _COMPARED.match(self._text, self._at)) and field_named(found[0]):
            self._at = found.end()
            self._refuse(f"a colon is missing after {found[0]}", f"{found[0]}:", "quotation marks around text")
        return self._free_text(start, negated=negated)

    def _is_pasted(self, name: re.Match[str]) -> bool:
        r"""Tell whether a name with its colon begins what nobody means as a field.

        That is `TypeError:` alone, `http://host`, `std::vector`, `C:\dir` or `C:/dir`.
        """
        rest = self._text[name.end() + 1 : name.end() + 3]
        is_drive = len(name[0]) == 1 and rest.startswith("/")
        return not rest or rest[0].isspace() or rest[0] in ":\\" or rest == "//" or is_drive

    def _check_space(self, terms: list[Term]) -> None:
        """Refuse `level :error` and `count >5`: a field's name alone is a word, so that they would look for words."""
        last = terms[-1].values[0] if terms and terms[-1].field == "text" else None
        if isinstance(last, Word) and field_named(last.text) and _LOOSE.match(self._text, self._at):
            self._refuse(f"a space after {last.text}", f"{last.text}: without a space", "quotation marks around text")

    def _tag_name(self) -> str:
        if self._text.startswith('"', self._at):
            return self._quoted() or self._refuse("a tag without a name", "tags.NAME:value")
        return self._match(_BARE_TAG) or self._refuse("a tag without a name", "tags.NAME:value")

    def _after_name(self, name: str, field: Field, *, negated: bool, key: str | None = None) -> Term:
        if not self._text.startswith(":", self._at):
            self._refuse("a tag without a value", ":")
        self._at += 1
        compare = self._compare(name, field)
        if self._text.startswith("[", self._at) and compare == "=":
            values = self._list(field)
        else:
            values = (self._value(field, _BARE),)
        self._end_of_term()
        return Term(name, values, compare, negated, key)

    def _compare(self, name: str, field: Field) -> Compare:
        sign: Compare | None = next((sign for sign in _SIGNS if self._text.startswith(sign, self._at)), None)
        if sign is None:
            return "="
        if not field.compares:
            self._refuse(f"{name} cannot be compared with {sign}", *field.expected)
        self._at += len(sign)
        return sign

    def _list(self, field: Field) -> tuple[Value, ...]:
        self._at += 1
        values: list[Value] = []
        while True:
            self._skip_spaces()
            values.append(self._value(field, _BARE_IN_LIST))
            self._skip_spaces()
            if self._text.startswith("]", self._at):
                self._at += 1
                return tuple(values)
            if not self._text.startswith(",", self._at):
                self._refuse("the list does not go on", ",", "]")
            self._at += 1

    def _value(self, field: Field, bare: re.Pattern[str]) -> Value:
        start = self._at
        quoted = self._text.startswith('"', self._at)
        text = self._quoted() if quoted else self._match(bare)
        value = field.value(text, quoted=quoted) if text else None
        if value is None:
            self._at = start
            self._refuse(f"{text[:50]!r} will not do" if text else "a value is missing", *field.expected)
        return value

    def _free_text(self, start: int, *, negated: bool) -> Term:
        quoted = self._text.startswith('"', self._at)
        text = self._quoted() if quoted else self._match(_BARE)
        if not quoted and text in _OPERATORS:
            self._at = start
            self._refuse(f"{text} is not part of the language", _OPERATORS[text])
        if not _WORD.search(text):
            self._at = start
            self._refuse("nothing to look for", "a word with a letter or digit", "field:value")
        self._end_of_term()
        return Term("text", (text if quoted else Word(text),), negated=negated)

    def _quoted(self) -> str:
        found = _QUOTED.match(self._text, self._at)
        if found is None:
            self._refuse("the quotation does not end", '"')
        self._at = found.end()
        return _ESCAPED.sub(r"\1", found[1])

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return found[0] if found else ""

    def _end_of_term(self) -> None:
        if self._at < len(self._text) and not self._text[self._at].isspace():
            self._refuse("the term does not end here", "a space")

    def _skip_spaces(self) -> None:
        self._match(_SPACES)

    def _refuse(self, problem: str, *expected: str) -> NoReturn:
        raise UnreadableError(problem, position=self._at, expected=expected)
