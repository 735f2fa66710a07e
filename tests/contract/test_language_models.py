"""Every language model keeps the port's promises; against Ollama with its server as it is, and at its worst."""

import gzip
import json
import threading
import time
from collections.abc import Iterator

import pytest

from atlas_core import limits
from atlas_core.errors import AtlasError, RejectedError, TransientError
from atlas_core.insights import ANSWER_SCHEMA, ANSWER_TOKENS, CONTEXT_TOKENS
from atlas_core.language_models.ollama import OllamaModel
from atlas_core.language_models.scripted import ScriptedModel
from tests.contract.faulty_ollama import (
    Answer,
    FaultyOllama,
    faulty_ollama,
    http,
    part,
    pour,
    raw,
    reset,
    silence,
)
from tests.servers.ports import free_port
from tests.servers.processes import OllamaServer

LIVE = pytest.mark.live
ASK = [{"role": "system", "content": "Answer."}, {"role": "user", "content": "Why?"}]
PATIENCE_S = 60.0
ANSWER = json.dumps({"summary": "s", "root_cause": "c", "remediation": "r", "evidence": []})
SMALL_SCHEMA = {"type": "object", "properties": {"s": {"type": "string"}}, "required": ["s"]}
ENDLESS_ANSWER = {"type": "array", "items": {"type": "string", "minLength": 20}, "minItems": 500}
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n"


@pytest.fixture
def server() -> Iterator[FaultyOllama]:
    with faulty_ollama() as made:
        yield made


def asked(
    server: FaultyOllama, answer: Answer, silence_s: float = PATIENCE_S, deadline_s: float = PATIENCE_S
) -> AtlasError | str:
    """Return what became of a question to a server that answers so."""
    server.answer = answer
    return outcome(OllamaModel(server.url, "m", silence_s=silence_s, deadline_s=deadline_s))


def outcome(model: OllamaModel) -> AtlasError | str:
    try:
        return model.chat(ASK, ANSWER_SCHEMA).content
    except AtlasError as error:
        return error


def streamed(*parts: str) -> Answer:
    return http(200, "".join(parts))


def test_an_answer_in_parts_is_put_together(server):
    server.answer = streamed(part(ANSWER[:9]), part(ANSWER[9:]), part(done=True))
    reply = OllamaModel(server.url, "m").chat(ASK, ANSWER_SCHEMA)
    assert (reply.content, reply.model, reply.tokens_used) == (ANSWER, "scripted", 25)
    assert reply.duration_s > 0


def test_what_is_asked_is_bound_repeatable_and_never_cut_in_silence(server):
    asked(server, streamed(part(ANSWER, done=True)))
    (sent,) = server.asked
    assert (sent["model"], sent["messages"], sent["format"]) == ("m", ASK, ANSWER_SCHEMA)
    assert (sent["truncate"], sent["shift"], sent["think"]) == (False, False, False)
    assert sent["options"] == {"temperature": 0, "seed": 1, "num_ctx": CONTEXT_TOKENS, "num_predict": ANSWER_TOKENS}


NOT_NOW = {
    "a model that is missing": (http(404, '{"error": "model \'m\' not found"}'), "ollama pull m"),
    "a busy server": (http(503, '{"error": "server busy, please try again"}'), "server busy"),
    "too many requests": (http(429), "busy"),
    "a proxy without its server": (http(502, "<h1>Bad Gateway</h1>"), "busy"),
    "a proxy that wants a password": (http(401), "ATLAS_OLLAMA_URL"),
    "a redirect to another host": (http(307, Location="http://192.0.2.1/api/chat"), "sends us elsewhere"),
    "a redirect to itself": (http(302, Location="/api/chat"), "sends us elsewhere"),
}
NEVER = {
    "an error": (http(500, '{"error": "llama runner process has terminated"}'), "llama runner process"),
    "an error in many words": (http(500, "x" * 100_000), "xxx"),
    "an error that is no JSON of Ollama's": (http(500, '["?"]'), "does not speak"),
    "a question that is too long": (http(400, '{"error": "the input length exceeds the context length"}'), "input len"),
    "an error after the first part": (streamed(part("{"), '{"error": "out of memory"}\n'), "out of memory"),
    "an error that is no text": (streamed('{"error": {"code": 7}}\n'), "does not speak"),
    "no JSON": (http(200, "It is the cable."), "does not speak"),
    "JSON of another shape": (http(200, '{"choices": []}\n'), "does not speak"),
    "JSON that is a list": (http(200, "[1, 2]\n"), "does not speak"),
    "JSON that never ends": (http(200, "[" * 100_000), "does not speak"),
    "half a line": (http(200, part(ANSWER)[:20]), "does not speak"),
    "a web page": (http(200, "<!doctype html>\n<p>Welcome to nginx!"), "does not speak"),
    "no bytes": (http(200), "in the middle"),
    "no content": (streamed(part(done=True)), "empty"),
    "blanks": (streamed(part(" \n "), part(done=True)), "empty"),
    "an answer that was cut off": (streamed(part("{", done=True, done_reason="length")), "cut off"),
    "an answer that ends for no reason": (streamed(part("{", done=True, done_reason=None)), "in the middle"),
    "an answer without its last part": (streamed(part(ANSWER)), "in the middle"),
    "a question that was cut": (streamed(part(ANSWER, done=True, prompt_eval_count=CONTEXT_TOKENS)), "did not fit"),
    "a large answer": (streamed(part("x" * limits.MODEL_ANSWER_BYTES), part(done=True)), "larger than"),
    "a packed answer": (http(200, gzip.compress(part(ANSWER, done=True).encode()), Content_Encoding="gzip"), "packed"),
    "a line without an end": (pour(STREAM, b"x" * 65_536), "larger than"),
    "parts without an end": (pour(STREAM, part("x" * 99).encode()), "larger than"),
    "a connection that ends at once": (raw(b""), "broke off"),
    "a connection that is reset": (reset(), "broke off"),
    "a reset in the middle": (reset(STREAM + part("x").encode()), "broke off"),
    "bytes that are no HTTP": (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "broke off"),
    "fewer bytes than it said": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{}"), "broke off"),
}

SILENT = {"before": silence(), "in the middle": silence(STREAM + part("x").encode())}
ENDLESS = {
    "headers": pour(b"HTTP/1.1 200 OK", b"\r\nX: y", 0.02),
    "parts": pour(STREAM, part("x").encode(), 0.02),
    "a line": pour(STREAM, b" ", 0.02),
}


@pytest.mark.parametrize("fault", NOT_NOW)
def test_what_is_no_fault_of_the_question_is_not_now_and_says_what_to_do(fault: str, server: FaultyOllama):
    answer, words = NOT_NOW[fault]
    error = asked(server, answer)
    assert isinstance(error, TransientError)
    assert words in str(error)
    assert len(server.asked) == 1


@pytest.mark.parametrize("fault", NEVER)
def test_what_is_no_answer_is_refused_with_its_reason(fault: str, server: FaultyOllama):
    answer, words = NEVER[fault]
    error = asked(server, answer)
    assert isinstance(error, RejectedError)
    assert words in str(error)
    assert len(str(error)) < 600


@pytest.mark.slow
@pytest.mark.parametrize("where", SILENT)
def test_silence_ends_a_question(where: str, server: FaultyOllama):
    error = asked(server, SILENT[where], silence_s=0.5)
    assert isinstance(error, RejectedError)
    assert "silent" in str(error)


@pytest.mark.slow
@pytest.mark.parametrize("what", ENDLESS)
def test_what_comes_slowly_without_an_end_is_ended_by_the_deadline(what: str, server: FaultyOllama):
    error = asked(server, ENDLESS[what], deadline_s=0.7)
    assert isinstance(error, RejectedError)
    assert "within 0.7 s" in str(error)


@pytest.mark.slow
def test_a_slow_answer_that_never_pauses_for_long_is_waited_for(server):
    """Longer in all than a silence may be."""

    def slowly(connection) -> None:
        connection.sendall(STREAM)
        for _ in range(12):
            connection.sendall(part("x").encode())
            time.sleep(0.1)
        connection.sendall(part(done=True).encode())

    assert asked(server, slowly, silence_s=1) == "x" * 12


def test_a_server_that_is_not_there_is_not_now_and_says_how_to_start_it():
    error = outcome(OllamaModel(f"http://127.0.0.1:{free_port()}", "m"))
    assert isinstance(error, TransientError)
    assert "ollama serve" in str(error)
    assert "ollama pull m" in str(error)


@pytest.mark.parametrize("answer", [http(200, "[]"), http(500), http(404), http(307, Location="/"), raw(b"")])
def test_whatever_is_wrong_a_check_says_not_now(answer, server):
    server.answer = answer
    with pytest.raises(TransientError):
        OllamaModel(server.url, "m").check()


def test_a_scripted_model_says_what_it_is_told_to():
    model = ScriptedModel([ANSWER, TransientError("away"), RejectedError("no")])
    model.check()
    assert model.chat(ASK, ANSWER_SCHEMA).content == ANSWER
    with pytest.raises(TransientError, match="away"):
        model.chat(ASK, ANSWER_SCHEMA)
    with pytest.raises(RejectedError, match="no"):
        model.chat(ASK, ANSWER_SCHEMA)
    assert model.asked == [ASK] * 3


@LIVE
def test_the_real_server_answers_in_the_schema_and_the_same_each_time(ollama_server: OllamaServer):
    model = OllamaModel(ollama_server.url, ollama_server.model)
    model.check()
    one, other = model.chat(ASK, ANSWER_SCHEMA), model.chat(ASK, ANSWER_SCHEMA)
    assert set(json.loads(one.content)) == set(ANSWER_SCHEMA["required"])
    assert one.content == other.content
    assert one.tokens_used > 20


@LIVE
def test_the_real_server_refuses_a_question_that_does_not_fit(ollama_server: OllamaServer):
    model = OllamaModel(ollama_server.url, ollama_server.model, context_tokens=512)
    assert model.chat(ASK, SMALL_SCHEMA).content
    with pytest.raises(RejectedError, match="exceeds the context length"):
        model.chat([*ASK, {"role": "user", "content": "why " * 512}], SMALL_SCHEMA)


@LIVE
def test_the_real_server_says_when_it_cut_its_answer_off(ollama_server: OllamaServer):
    with pytest.raises(RejectedError, match="cut off at 40 tokens"):
        OllamaModel(ollama_server.url, ollama_server.model, answer_tokens=40).chat(ASK, ENDLESS_ANSWER)


@LIVE
def test_the_real_server_without_the_model_says_how_to_get_it(ollama_server: OllamaServer):
    model = OllamaModel(ollama_server.url, "no-such-model")
    for call in (model.check, lambda: model.chat(ASK, ANSWER_SCHEMA)):
        with pytest.raises(TransientError, match="ollama pull no-such-model"):
            call()


@LIVE
def test_the_real_server_answers_two_at_once(ollama_server: OllamaServer):
    model = OllamaModel(ollama_server.url, ollama_server.model)
    said: list[str] = []
    threads = [threading.Thread(target=lambda: said.append(model.chat(ASK, SMALL_SCHEMA).content)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(said) == 2
    assert said[0] == said[1]


@LIVE
def test_a_real_server_killed_in_the_middle_of_an_answer_and_started_again(
    ollama_server: OllamaServer, tmp_path_factory: pytest.TempPathFactory
):
    own = type(ollama_server)(tmp_path_factory.mktemp("killed"))
    own.start()
    try:
        own.make_model()
        model = OllamaModel(own.url, own.model, answer_tokens=6_000)
        before = model.chat(ASK, SMALL_SCHEMA).content
        threading.Timer(0.5, own.kill).start()
        with pytest.raises(RejectedError, match="broke off"):
            model.chat(ASK, ENDLESS_ANSWER)
        with pytest.raises(TransientError, match="not running"):
            model.chat(ASK, SMALL_SCHEMA)
        own.start()
        assert model.chat(ASK, SMALL_SCHEMA).content == before
    finally:
        own.stop()
