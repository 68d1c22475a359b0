"""The synthesis operator: gated, deterministic, and trusting no model."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web
from arqonbus_reference.access import ANONYMOUS
from arqonbus_reference.caller import Caller
from arqonbus_reference.errors import CommandError
from arqonbus_reference.operators import ollama, rules
from arqonbus_reference.operators.operator import Condition, Destination, Operator, explained
from arqonbus_reference.operators.synthesis import Synthesis, SynthesisArgs
from arqonbus_reference.secret import Url
from arqonbus_reference.settings import Settings
from hypothesis import given
from hypothesis import strategies as st

CALLER = Caller("c1", ANONYMOUS)
PROMPT = "route messages where payload.level is error in room ops to channel alerts"
OPERATOR = Operator(
    [Condition("room", "eq", "ops"), Condition("payload.level", "eq", "error")], Destination("ops", "alerts")
)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in {"in", "and", "to"}
)


def operator_of(prompt: str) -> Operator:
    return rules.parse(prompt)


@pytest.mark.parametrize(
    ("prompt", "operator"),
    [
        (PROMPT, OPERATOR),
        (PROMPT.replace(" in room ops", "") + " in room ops.", Operator(OPERATOR.when[1:], OPERATOR.then)),
        ("SEND all Messages TO room a channel b", Operator([], Destination("a", "b"))),
        (
            "copy messages in room a to room b channel c",
            Operator([Condition("room", "eq", "a")], Destination("b", "c")),
        ),
        (
            'forward messages where payload.a.b is not "x y" and metadata.n is at least 2.5 to channel c in room r',
            Operator(
                [Condition("payload.a.b", "ne", "x y"), Condition("metadata.n", "ge", 2.5)],
                Destination("r", "c"),
            ),
        ),
        (
            "route messages where payload.id exists and sender starts with 12 to room r channel c",
            Operator(
                [Condition("payload.id", "exists", value=True), Condition("sender", "starts_with", "12")],
                Destination("r", "c"),
            ),
        ),
        (
            "route messages where payload.a is true and payload.b equals null and payload.c is -7 to room r channel c",
            Operator(
                [
                    Condition("payload.a", "eq", value=True),
                    Condition("payload.b", "eq", None),
                    Condition("payload.c", "eq", -7),
                ],
                Destination("r", "c"),
            ),
        ),
    ],
)
def test_a_prompt_of_the_language_becomes_its_operator(prompt: str, operator: Operator) -> None:
    """CMD-016: each word has its meaning; case matters in names and values only."""
    assert operator_of(prompt) == operator


@pytest.mark.parametrize(
    ("prompt", "word"),
    [
        ("please route messages to room r channel c", "'please'"),
        ("route mails to room r channel c", "'mails'"),
        ("route messages when payload.a is 1 to room r channel c", "'when'"),
        ("route messages where level is error to room r channel c", "'level'"),
        ("route messages where payload.a resembles b to room r channel c", "'resembles'"),
        ("route messages where payload.a is greater than many to room r channel c", "'many'"),
        ("route messages where payload.a is b or payload.c is d to room r channel c", "'or'"),
        ("route messages in room a/b to channel c", "'a/b'"),
        ("route messages to room r topic c", "'topic'"),
        ("route messages to room r channel c now", "'now'"),
        ('route messages where payload.a is " to room r channel c', "'\"'"),
        pytest.param("x" * 1000, "'" + "x" * 64 + "...'", id="long word"),
    ],
)
def test_the_first_word_not_understood_is_named(prompt: str, word: str) -> None:
    """With what could have stood in its place."""
    with pytest.raises(rules.NotUnderstoodError) as fault:
        operator_of(prompt)

    assert str(fault.value).startswith(f"prompt: {word} is not understood; allowed: ")


@pytest.mark.parametrize("prompt", ["   ", "route", "route messages to room r channel", "."])
def test_a_prompt_may_end_too_early(prompt: str) -> None:
    """What is missing is said."""
    with pytest.raises(rules.NotUnderstoodError, match="ends too early"):
        operator_of(prompt)


def test_a_destination_needs_a_room() -> None:
    """A channel without a room is nowhere."""
    with pytest.raises(rules.NotUnderstoodError, match="names no room"):
        operator_of("route messages to channel c")


def test_conditions_are_bounded() -> None:
    """Sixteen, the room counted."""
    prompt = "route messages where " + " and ".join(["payload.a is 1"] * 16) + " to room r channel c"

    with pytest.raises(rules.NotUnderstoodError, match="more conditions"):
        operator_of(prompt)


@given(st.text(max_size=300))
def test_no_prompt_breaks_the_engine(prompt: str) -> None:
    """Whatever is asked, the answer is an operator or a named fault, the same each time."""
    outcomes = []
    for _ in range(2):
        try:
            outcomes.append(str(operator_of(prompt)))
        except rules.NotUnderstoodError as fault:
            outcomes.append(str(fault))

    assert outcomes[0] == outcomes[1]


@given(NAMES, NAMES, NAMES, st.integers(-(10**9), 10**9))
def test_every_operator_of_the_engine_is_one_of_the_schema(
    room: str, channel: str, field: str, value: int
) -> None:
    """What the rules derive would be accepted from a model too."""
    operator = operator_of(
        f"route messages where payload.{field} is {value} in room {room} to channel {channel}"
    )

    assert msgspec.json.decode(msgspec.json.encode(operator), type=Operator) == operator
    assert channel in explained(operator)


@pytest.mark.parametrize(
    "changes", [{}, {"synthesis_enabled": True, "environment": "prod"}, {"ollama_url": Url("http://h")}]
)
async def test_it_is_off_unless_enabled_and_never_on_in_prod(changes: dict[str, Any]) -> None:
    """CMD-015: FEATURE_DISABLED, whatever the prompt."""
    synthesis = Synthesis(msgspec.structs.replace(Settings(), **changes))

    with pytest.raises(CommandError) as refusal:
        await synthesis.run(CALLER, SynthesisArgs(PROMPT))

    assert refusal.value.code == "FEATURE_DISABLED"


async def test_enabled_it_answers_operator_engine_and_explanation() -> None:
    """CMD-016: the rule engine when no model is configured."""
    synthesis = Synthesis(Settings(synthesis_enabled=True))

    _, data = await synthesis.run(CALLER, SynthesisArgs(PROMPT))

    assert (data.operator, data.engine) == (OPERATOR, "rules")
    assert data.explanation == (
        'Messages whose room is "ops" and payload.level is "error" go to channel alerts of room ops.'
    )


async def test_a_prompt_not_understood_is_the_callers_fault() -> None:
    """COMMAND_VALIDATION_ERROR that names the argument and the word."""
    synthesis = Synthesis(Settings(synthesis_enabled=True))

    with pytest.raises(CommandError) as refusal:
        await synthesis.run(CALLER, SynthesisArgs("sing"))

    assert refusal.value.code == "COMMAND_VALIDATION_ERROR"
    assert refusal.value.message.startswith("prompt: 'sing'")


@pytest.fixture
async def model() -> AsyncIterator[Callable[..., Any]]:
    """Start an HTTP server in the place of Ollama, which answers as told; gives the Synthesis that asks it."""
    runners = []

    async def start(answer: Callable[[dict[str, Any]], Any], status: int = 200) -> Synthesis:
        async def generate(request: web.BaseRequest) -> web.StreamResponse:
            body = answer(json.loads(await request.read()) if request.method == "POST" else {})
            return web.Response(status=status, body=await body if asyncio.iscoroutine(body) else body)

        runner = web.ServerRunner(web.Server(generate), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        runners.append(runner)
        url = Url(f"http://127.0.0.1:{runner.addresses[0][1]}/")
        return Synthesis(Settings(synthesis_enabled=True, ollama_url=url, ollama_model="m"))

    yield start
    for runner in runners:
        await runner.cleanup()


def generated(operator: Any) -> bytes:
    return json.dumps({"response": json.dumps(operator), "done": True}).encode()


async def test_a_models_operator_is_taken_when_it_fits(model: Callable[..., Any]) -> None:
    """The model is asked for exactly the structure that its answer is held to."""
    asked: list[dict[str, Any]] = []
    synthesis = await model(lambda request: asked.append(request) or generated(msgspec.to_builtins(OPERATOR)))

    _, data = await synthesis.run(CALLER, SynthesisArgs(PROMPT))

    assert (data.operator, data.engine) == (OPERATOR, "ollama")
    assert (asked[0]["model"], asked[0]["stream"]) == ("m", False)
    assert PROMPT in asked[0]["prompt"]
    assert "Operator" in str(asked[0]["format"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"response": "sure!"}',
        b'{"response": 7}',
        pytest.param(b"[" * 50_000, id="deep"),
        pytest.param(b"x" * (ollama.MAX_ANSWER_BYTES + 1), id="long"),
        generated({"when": [], "then": {"room": "../etc", "channel": "c"}}),
        generated({"when": [], "then": {"room": "r", "channel": "c"}, "run": "rm"}),
        generated({"when": [{"field": "os.system", "op": "eq", "value": 1}], "then": {"room": "r"}}),
        pytest.param(json.dumps({"response": "[" * 20_000}).encode(), id="deep response"),
    ],
)
async def test_a_models_nonsense_goes_nowhere(model: Callable[..., Any], body: bytes) -> None:
    """CAPABILITY_UNAVAILABLE, without a word of the answer."""
    synthesis = await model(lambda _: body)

    with pytest.raises(CommandError) as refusal:
        await synthesis.run(CALLER, SynthesisArgs(PROMPT))

    assert refusal.value.code == "CAPABILITY_UNAVAILABLE"
    assert refusal.value.message.startswith("the model")


async def test_a_model_that_fails_or_hangs_is_unavailable(
    model: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded in time, and an HTTP error is no answer."""
    monkeypatch.setattr(ollama, "GENERATE_SECONDS", 0.1)

    async def hang() -> bytes:
        await asyncio.Event().wait()
        return b""

    codes = []
    for synthesis in (await model(lambda _: hang()), await model(lambda _: generated({}), status=500)):
        with pytest.raises(CommandError) as refusal:
            await synthesis.run(CALLER, SynthesisArgs(PROMPT))
        codes.append(refusal.value.code)

    assert codes == ["CAPABILITY_UNAVAILABLE"] * 2


async def test_only_a_few_ask_the_model_at_once(model: Callable[..., Any]) -> None:
    """The fifth is told to come back; the others get their answer."""
    release = asyncio.Event()

    async def wait() -> bytes:
        await release.wait()
        return generated(msgspec.to_builtins(OPERATOR))

    synthesis = await model(lambda _: wait())
    asking = [asyncio.create_task(synthesis.run(CALLER, SynthesisArgs(PROMPT))) for _ in range(4)]
    await asyncio.sleep(0)

    with pytest.raises(CommandError, match="busy"):
        await synthesis.run(CALLER, SynthesisArgs(PROMPT))
    release.set()

    assert [data.engine for _, data in await asyncio.gather(*asking)] == ["ollama"] * 4


async def test_any_http_answer_shows_that_the_model_is_there(model: Callable[..., Any]) -> None:
    """Preflight wants something that answers, not a version of it."""
    synthesis = await model(lambda _: b"", status=404)

    assert await ollama.answers(str(synthesis._url))
