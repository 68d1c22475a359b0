"""The synthesis operator: a gated feature, deterministic where no model is configured."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from arqonbus_conformance import expect
from arqonbus_conformance.deployment import Interfaces, Launch
from arqonbus_conformance.plugin import needs, requirement
from arqonbus_conformance.suites.conditions import listening, staging

ENABLED = {"ARQONBUS_SYNTHESIS_ENABLED": "true"}
PROMPT = "route messages where payload.temperature is greater than 30 to room alerts channel hot"
LONGEST = 8192  # characters of a prompt


def of_length(characters: int) -> str:
    """A prompt of so many characters that says something."""
    before, after = 'route messages where payload.text contains "', '" to room alerts channel hot'
    return f"{before}{'x' * (characters - len(before) - len(after))}{after}"


@pytest_asyncio.fixture(loop_scope="session")
async def model_url() -> AsyncIterator[str]:
    """The address of something that answers each request as a model server with no models does."""
    body = b'{"models": []}'
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode() + body)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@requirement("CMD-016")
@needs("launch")
async def test_the_rule_engine_is_deterministic(synthetic: Interfaces) -> None:
    """Enabled without a model, the same prompt gives the same operator, said to be the rules' with an explanation."""
    ann, bob = await synthetic.bus.clients("ann", "bob")

    first = await ann.succeed("op.synthesis.run", prompt=PROMPT)
    second = await bob.succeed("op.synthesis.run", prompt=PROMPT)

    assert first["operator"]
    assert first["engine"] == "rules"
    assert type(first["explanation"]) is str
    assert first["explanation"]
    assert second == first
    assert ann.welcome["payload"]["protocol"]["capabilities"]["synthesis"] is True


@requirement("CMD-016")
@needs("launch")
async def test_another_prompt_gives_another_operator(synthetic: Interfaces) -> None:
    """The answer depends on what was asked."""
    ann = await synthetic.bus.connect("ann")

    hot = await ann.succeed("op.synthesis.run", prompt=PROMPT)
    cold = await ann.succeed("op.synthesis.run", prompt=PROMPT.replace("30", "5"))

    assert hot["operator"] != cold["operator"]


@requirement("CMD-016")
@needs("launch")
@pytest.mark.parametrize("prompt", ["", of_length(LONGEST + 1), 7], ids=["empty", "too-long", "number"])
async def test_a_faulty_prompt_is_refused(synthetic: Interfaces, prompt: object) -> None:
    """A prompt has 1 to 8192 characters; the longest one is answered."""
    ann = await synthetic.bus.connect("ann")

    refused = await ann.command("op.synthesis.run", prompt=prompt)

    expect.failed(refused, "COMMAND_VALIDATION_ERROR", names="prompt")
    await ann.succeed("op.synthesis.run", prompt=of_length(LONGEST))


@requirement("CONF-017", "CONF-008")
@needs("launch")
async def test_the_operator_is_refused_in_prod(launch: Launch) -> None:
    """Prod refuses it in preflight and at the start; staging accepts it."""
    prod = staging(launch) | ENABLED | {"ARQONBUS_ENVIRONMENT": "prod"}

    preflight = await launch.preflight(env=prod)
    refused = await launch(env=prod, wait="exit")
    accepted = await launch.preflight(env=staging(launch) | ENABLED)

    assert (preflight.exit_code, refused.exit_code, accepted.exit_code) == (78, 78, 0)
    assert "ARQONBUS_SYNTHESIS_ENABLED" in preflight.stderr
    assert [port for port in refused.ports if await listening(port)] == []


@requirement("CONF-017")
@needs("launch")
async def test_a_model_that_does_not_answer_is_refused(launch: Launch, model_url: str) -> None:
    """An OLLAMA_URL where nobody answers is refused; one that answers is accepted."""
    env = staging(launch) | ENABLED

    refused = await launch.preflight(env=env | {"OLLAMA_URL": f"http://127.0.0.1:{launch.free_port()}"})
    accepted = await launch.preflight(env=env | {"OLLAMA_URL": model_url})

    assert (refused.exit_code, accepted.exit_code) == (78, 0)
    assert "OLLAMA_URL" in refused.stderr
