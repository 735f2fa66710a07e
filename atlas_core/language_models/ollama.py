"""A local model, by Ollama's official client."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
import ollama

from atlas_core.errors import RejectedError, TransientError
from atlas_core.insights import Reply

CONTEXT_TOKENS: Final = 8_192
ANSWER_TOKENS: Final = 2_048
_NOT_FOUND: Final = 404
_UNAVAILABLE: Final = (429, 503)


class OllamaModel:
    """Asks one model; temperature 0 and a fixed seed, so that the same question has the same answer.

    Args:
        url: Where Ollama is, `http://host:port`.
        model: Which model is asked.
        connect_timeout_s: How long to wait for a connection.
        read_timeout_s: How long to wait for the whole answer (the client itself would wait for ever).
    """

    def __init__(self, url: str, model: str, *, connect_timeout_s: float = 3, read_timeout_s: float = 120) -> None:
        self._url = url
        self._model = model
        timeout = httpx.Timeout(read_timeout_s, connect=connect_timeout_s)
        self._client = ollama.Client(host=url, timeout=timeout, trust_env=False)

    def chat(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, object]) -> Reply:
        """Return the model's reply, bound to the JSON schema.

        Raises:
            TransientError: Ollama or the model cannot be had now; the text says what to do.
            RejectedError: It answered with an error, cut off, or not at all.
        """
        started = time.monotonic()
        try:
            answer = self._client.chat(
                model=self._model,
                messages=list(messages),
                format=dict(schema),
                options={"temperature": 0, "seed": 1, "num_ctx": CONTEXT_TOKENS, "num_predict": ANSWER_TOKENS},
            )
        except (ConnectionError, httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._not_running() from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise RejectedError(f"Ollama did not answer: {type(error).__name__} {error}".strip()) from error
        except ollama.ResponseError as error:
            raise self._translated(error) from error
        except ValueError as error:
            raise RejectedError(f"Ollama's answer is not one: {error}") from error
        return self._checked(answer, time.monotonic() - started)

    def check(self) -> None:
        """Return if Ollama answers and has the model.

        Raises:
            TransientError: It does not; the text says what to do.
        """
        try:
            self._client.show(self._model)
        except (ConnectionError, httpx.HTTPError) as error:
            raise self._not_running() from error
        except ollama.ResponseError as error:
            raise TransientError(str(self._translated(error))) from error

    def _not_running(self) -> TransientError:
        return TransientError(
            f"Ollama is not running at {self._url}: start it (`ollama serve`), then `ollama pull {self._model}`"
        )

    def _translated(self, error: ollama.ResponseError) -> TransientError | RejectedError:
        if error.status_code == _NOT_FOUND:
            return TransientError(f"Ollama has no model {self._model}: `ollama pull {self._model}`")
        if error.status_code in _UNAVAILABLE:
            return TransientError(f"Ollama is busy: {error.error[:300]}")
        return RejectedError(f"Ollama answered {error.status_code}: {error.error[:300]}")

    def _checked(self, answer: Any, duration_s: float) -> Reply:
        content = answer.message.content or ""
        if answer.done_reason == "length":
            raise RejectedError("the model's answer was cut off")
        if answer.done_reason != "stop":
            raise RejectedError("the model stopped in the middle of its answer")
        if not content.strip():
            raise RejectedError("the model's answer is empty")
        asked, answered = answer.prompt_eval_count or 0, answer.eval_count or 0
        if asked >= CONTEXT_TOKENS:
            raise RejectedError("the question did not fit the model's context")
        return Reply(
            content=content, model=answer.model or self._model, tokens_used=asked + answered, duration_s=duration_s
        )
