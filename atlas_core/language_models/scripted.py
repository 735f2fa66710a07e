"""A model that says what it is told to: for tests and notebooks."""

from collections.abc import Iterable, Mapping, Sequence

from atlas_core.errors import AtlasError
from atlas_core.insights import Reply


class ScriptedModel:
    """Answers with the given texts in turn, raising those that are errors; keeps what it was asked."""

    def __init__(self, answers: Iterable[str | AtlasError]) -> None:
        self._answers = iter(answers)
        self.asked: list[Sequence[Mapping[str, str]]] = []

    def chat(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, object]) -> Reply:
        """Return the next answer, whatever the schema."""
        del schema
        self.asked.append(messages)
        answer = next(self._answers)
        if isinstance(answer, AtlasError):
            raise answer
        return Reply(content=answer, model="scripted", tokens_used=len(answer), duration_s=0)

    def check(self) -> None:
        """Return: it is always there."""
