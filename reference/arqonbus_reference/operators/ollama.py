"""A language model behind OLLAMA_URL, trusted with nothing: bounded in time and size, its answer validated."""

import asyncio
from typing import Annotated, Any, Final

import aiohttp
import msgspec
from msgspec import Meta

from arqonbus_reference.operators.operator import Operator

GENERATE_SECONDS: Final = 30.0
PROBE_SECONDS: Final = 2.0
MAX_ANSWER_BYTES: Final = 65_536
_INSTRUCTIONS: Final = (
    "Turn the request into a routing operator. Answer with one JSON object of the given schema and nothing else. "
    "`when` holds the conditions on a message, `then` the destination room and channel. Request: "
)


class OllamaError(Exception):
    """No usable answer; the text says in which way and holds nothing of the answer."""


class _Generated(msgspec.Struct, frozen=True):
    response: Annotated[str, Meta(max_length=MAX_ANSWER_BYTES)]


async def answers(url: str) -> bool:
    """Whether anything at the URL answers HTTP within PROBE_SECONDS."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PROBE_SECONDS)) as session,
            session.get(f"{url.rstrip('/')}/api/version", allow_redirects=False),
        ):
            return True
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return False


async def generate(url: str, model: str, prompt: str) -> Operator:
    """The operator that the model makes of the prompt.

    Raises:
        OllamaError: no answer in time, too long an answer, or one that is no operator.
    """
    request = {
        "model": model,
        "prompt": _INSTRUCTIONS + prompt,
        "stream": False,
        "format": _schema(),
        "options": {"temperature": 0, "seed": 0},
    }
    try:
        async with asyncio.timeout(GENERATE_SECONDS):
            body = await _post(f"{url.rstrip('/')}/api/generate", msgspec.json.encode(request))
        return msgspec.json.decode(msgspec.json.decode(body, type=_Generated).response, type=Operator)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise OllamaError("the model did not answer") from error
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise OllamaError("the model's answer is no operator") from error


async def _post(url: str, body: bytes) -> bytes:
    headers = {"Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers, allow_redirects=False) as response,
    ):
        if response.status != 200:
            raise OllamaError("the model did not answer")
        answer = bytearray()
        async for chunk in response.content.iter_any():
            answer += chunk
            if len(answer) > MAX_ANSWER_BYTES:
                raise OllamaError("the model's answer is too long")
        return bytes(answer)


def _schema() -> dict[str, Any]:
    return msgspec.json.schema(Operator)
