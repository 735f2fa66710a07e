"""Log messages put together from a template and its parameters, safely: the template is the client's."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from atlas_core import limits
from atlas_core.protocols.storable import as_text

# Width and precision are read and ignored: `%1000000000d` must not make a text of that length.
_PERCENT: Final = re.compile(r"%(?:%|(?:\((?P<name>[^()]{1,100})\))?[#0 +-]{0,5}[0-9]{0,10}(?:\.[0-9]{0,10})?[a-zA-Z])")
_BRACES: Final = re.compile(r"\{(?P<name>[A-Za-z0-9_]{0,100})\}")
_CHARACTERS: Final = 8 * limits.MESSAGE_CHARACTERS


def interpolated(template: Any, params: Any) -> str | None:
    """Return a template (`%s`, `%(name)s`, else `{}`, `{name}`) with its parameters; None when there are none.

    A placeholder without a parameter stays as it is.
    """
    if not isinstance(template, str) or not isinstance(params, list | dict) or not params:
        return None
    template = template[: limits.MESSAGE_CHARACTERS]
    placeholder = _PERCENT if _PERCENT.search(template) else _BRACES
    return placeholder.sub(_Values(params).shown, template)


class _Values:
    """Fills placeholders, up to so many characters in all."""

    def __init__(self, params: Sequence[Any] | Mapping[str, Any]) -> None:
        self._params = params
        self._next = 0
        self._left = _CHARACTERS

    def shown(self, found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        name = found["name"] or ""
        if isinstance(self._params, Mapping):
            return self._text(self._params[name]) if name in self._params else found[0]
        position = int(name[:9]) if name.isdecimal() else self._next
        if (name and not name.isdecimal()) or position >= len(self._params):
            return found[0]
        self._next = position + 1
        return self._text(self._params[position])

    def _text(self, value: Any) -> str:
        text = as_text(value)[: self._left] if self._left else ""
        self._left -= len(text)
        return text
