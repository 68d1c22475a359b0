"""`op.synthesis.run`: a prompt becomes an operator; off unless enabled, never in prod."""

import asyncio
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from arqonbus_reference.caller import Caller
from arqonbus_reference.errors import CommandError
from arqonbus_reference.operators import rules
from arqonbus_reference.operators.operator import Operator, explained
from arqonbus_reference.settings import Settings

MAX_CONCURRENT_GENERATIONS: Final = 4


class SynthesisArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `op.synthesis.run`."""

    prompt: Annotated[str, Meta(min_length=1, max_length=8192, description="1-8192 characters")]


class Synthesized(msgspec.Struct, frozen=True):
    """Data of `op.synthesis.run`."""

    operator: Operator
    engine: Literal["rules", "ollama"]
    explanation: str


class Synthesis:
    """The synthesis operator under the settings of its deployment."""

    def __init__(self, settings: Settings) -> None:
        self._enabled = settings.synthesis_enabled and settings.environment != "prod"
        self._url = settings.ollama_url
        self._model = settings.ollama_model
        self._free = asyncio.Semaphore(MAX_CONCURRENT_GENERATIONS)

    async def run(self, caller: Caller, args: SynthesisArgs) -> tuple[str, Synthesized]:
        """The operator the prompt describes.

        Raises:
            CommandError: FEATURE_DISABLED, COMMAND_VALIDATION_ERROR for a prompt not understood, CAPABILITY_UNAVAILABLE
                when the model gives no operator.
        """
        if not self._enabled:
            raise CommandError("FEATURE_DISABLED", "the synthesis operator is not enabled")
        if self._url is not None:
            operator = await self._generated(self._url, args.prompt)
            return "operator generated", Synthesized(operator, "ollama", explained(operator))
        try:
            operator = rules.parse(args.prompt)
        except rules.NotUnderstoodError as fault:
            raise CommandError("COMMAND_VALIDATION_ERROR", str(fault)) from fault
        return "operator derived", Synthesized(operator, "rules", explained(operator))

    async def _generated(self, url: str, prompt: str) -> Operator:
        from arqonbus_reference.operators import ollama  # noqa: PLC0415 - an HTTP client only where one is configured

        if self._free.locked():
            raise CommandError("CAPABILITY_UNAVAILABLE", "the model is busy; try again later")
        async with self._free:
            try:
                return await ollama.generate(url, self._model, prompt)
            except ollama.OllamaError as error:
                raise CommandError("CAPABILITY_UNAVAILABLE", str(error)) from error
