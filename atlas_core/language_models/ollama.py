"""A local model, by Ollama's official client."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import httpx
import ollama

from atlas_core.errors import RejectedError, TransientError
from atlas_core.insights import ANSWER_TOKENS, CONTEXT_TOKENS, Reply
from atlas_core.language_models.ollama_transport import OllamaTransport

T = TypeVar("T")

CONNECT_S: Final = 3.0
CHECK_S: Final = 10.0
_MISSING: Final = 404
_REDIRECTS: Final = range(300, 400)
_REFUSES: Final = (401, 403)
_BUSY: Final = (429, 502, 503)


class OllamaModel:
    """Asks one model; temperature 0 and a fixed seed, so that the same question has the same answer.

    The client's asynchronous half is used, inside: only so has the whole of a call an end, headers included. Each call
    runs an event loop of its own, so call it from a thread that runs none.

    Args:
        url: Where Ollama is, `http://host:port`.
        model: Which model is asked.
        silence_s: How long to wait for the first part of an answer, and for each later one.
        deadline_s: How long to wait for the whole answer (the client itself would wait for ever).
        context_tokens: How long question and answer may be together.
        answer_tokens: How long the answer may be.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        silence_s: float = 120,
        deadline_s: float = 240,
        context_tokens: int = CONTEXT_TOKENS,
        answer_tokens: int = ANSWER_TOKENS,
    ) -> None:
        self._url = url
        self._model = model
        self._silence_s = silence_s
        self._deadline_s = deadline_s
        self._context_tokens = context_tokens
        self._answer_tokens = answer_tokens

    def chat(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, object]) -> Reply:
        """Return the model's reply, bound to the JSON schema.

        Raises:
            TransientError: Ollama or the model cannot be had now; the text says what to do.
            RejectedError: It answered with an error, cut off, too slowly, or not at all; or the question is too long.
        """
        sizes = {"num_ctx": self._context_tokens, "num_predict": self._answer_tokens}

        async def ask(client: ollama.AsyncClient) -> tuple[str, ollama.ChatResponse | None]:
            parts = await client.chat(
                model=self._model,
                messages=list(messages),
                stream=True,
                think=False,
                format=dict(schema),
                options={"temperature": 0, "seed": 1} | sizes,
            )
            said, last = [], None
            async for last in parts:
                said.append(last.message.content or "")
            return "".join(said), last

        started = time.monotonic()
        content, last = self._call(ask, self._deadline_s)
        return self._checked(content, last, time.monotonic() - started)

    def check(self) -> None:
        """Return if Ollama answers and has the model.

        Raises:
            TransientError: It does not; the text says what to do.
        """
        try:
            self._call(lambda client: client.show(self._model), CHECK_S)
        except RejectedError as error:
            raise TransientError(str(error)) from error

    def _call(self, ask: Callable[[ollama.AsyncClient], Awaitable[T]], deadline_s: float) -> T:
        async def within_the_deadline() -> T:
            timeout = httpx.Timeout(self._silence_s, connect=CONNECT_S)
            async with asyncio.timeout(deadline_s), OllamaTransport() as transport:
                # Redirects are not followed: what an application reported goes to the address that was set.
                client = ollama.AsyncClient(self._url, transport=transport, timeout=timeout, follow_redirects=False)
                return await ask(client)

        with self._translated(deadline_s):
            return asyncio.run(within_the_deadline())

    @contextmanager
    def _translated(self, deadline_s: float) -> Iterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout, ConnectionError) as error:
            raise TransientError(
                f"Ollama is not running at {self._url}: start it (`ollama serve`), then `ollama pull {self._model}`"
            ) from error
        except TimeoutError as error:
            raise RejectedError(f"Ollama did not end its answer within {deadline_s:g} s") from error
        except httpx.ReadTimeout as error:
            raise RejectedError(f"Ollama fell silent for {self._silence_s:g} s") from error
        except httpx.HTTPError as error:
            raise RejectedError(f"Ollama broke off its answer: {type(error).__name__} {error}".strip()) from error
        except ollama.ResponseError as error:
            raise self._refusal(error.status_code, str(error.error)[:300]) from error
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            # What the client raises for JSON that is none, or of another shape.
            raise RejectedError(f"what answers at {self._url} does not speak as Ollama does: {error!r:.200}") from error

    def _refusal(self, status: int, text: str) -> TransientError | RejectedError:
        if status == _MISSING:
            return TransientError(f"Ollama at {self._url} has no model {self._model}: `ollama pull {self._model}`")
        if status in _REDIRECTS:
            return TransientError(f"{self._url} sends us elsewhere: set ATLAS_OLLAMA_URL to where Ollama itself is")
        if status in _REFUSES:
            return TransientError(f"{self._url} asks who we are ({status}): set ATLAS_OLLAMA_URL to an Ollama of yours")
        if status in _BUSY:
            return TransientError(f"Ollama is busy ({status}): {text}")
        return RejectedError(f"Ollama answered with an error: {text}")

    def _checked(self, content: str, last: Any, duration_s: float) -> Reply:
        if last is None or not last.done:
            raise RejectedError("the model stopped in the middle of its answer")
        if last.done_reason == "length":
            raise RejectedError(f"the model's answer was cut off at {self._answer_tokens:,} tokens")
        if last.done_reason != "stop":
            raise RejectedError(f"the model stopped in the middle of its answer: {last.done_reason}")
        if not content.strip():
            raise RejectedError("the model's answer is empty")
        asked, answered = last.prompt_eval_count or 0, last.eval_count or 0
        if asked >= self._context_tokens:  # a server that is too old to refuse it has cut it in silence
            raise RejectedError("the question did not fit the model's context")
        return Reply(
            content=content, model=last.model or self._model, tokens_used=asked + answered, duration_s=duration_s
        )
