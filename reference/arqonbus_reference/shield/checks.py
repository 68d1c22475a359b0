"""What each frame of a client passes at the edge, in this order: schema, rate, policy. A refusal is a frame that answers it."""

import time
from typing import Final

from arqonbus_reference import replies
from arqonbus_reference.envelope import InvalidEnvelopeError
from arqonbus_reference.limits import TokenBucket
from arqonbus_reference.shield.metrics import ShieldMetrics
from arqonbus_reference.shield.policy import Policy
from arqonbus_reference.shield.schema import Judged, judge

POLICY_REFUSAL: Final = "the policy does not let this frame pass"
SPINE_REFUSAL: Final = "the bus cannot be reached now; try again later under the same id"


class Checks:
    """The checks of one Shield; `policy` is None where none is configured."""

    def __init__(self, *, strict: bool, policy: Policy | None, metrics: ShieldMetrics) -> None:
        self._strict = strict
        self._metrics = metrics
        self.policy = policy

    def schema(self, frame: bytes, bucket: TokenBucket, *, binary: bool) -> Judged | bytes:
        """The frame as the bus will read it, or the refusal: no envelope, or over the rate."""
        found: Judged | InvalidEnvelopeError
        try:
            found = judge(frame, binary=binary, strict=self._strict)
            request_id, command = found.request_id or None, found.command
        except InvalidEnvelopeError as invalid:
            found, request_id, command = invalid, invalid.request_id, False
        wait = bucket.wait(time.monotonic())
        if wait:
            self._metrics.frames["rate_limit_exceeded"] += 1
            return replies.too_many(_now(), request_id, wait, command=command)
        if isinstance(found, Judged):
            return found
        self._metrics.frames["validation_error"] += 1
        return replies.error(_now(), request_id, "VALIDATION_ERROR", found.text)

    async def allows(self, judged: Judged, *, suspect: bool) -> tuple[bytes | None, bool]:
        """The refusal of the policy, None where the frame passes; and whether the check took too long.

        A session whose last check took too long is `suspect`.
        """
        if self.policy is None:
            return None, False
        verdict = await self.policy.check(judged.text, suspect=suspect)
        self._metrics.policy_checks[verdict] += 1
        if verdict == "allowed":
            return None, False
        self._metrics.frames["policy_denied"] += 1
        request_id, command = judged.request_id or None, judged.command
        refusal = replies.refusal(_now(), request_id, "POLICY_DENIED", POLICY_REFUSAL, command=command)
        return refusal, verdict == "timeout"

    def passed(self) -> None:
        """A frame was handed to the spine."""
        self._metrics.frames["passed"] += 1

    def unavailable(self, request_id: str, *, command: bool) -> bytes:
        """The refusal of a frame that the bus cannot get, or whose answer did not come."""
        self._metrics.frames["spine_unavailable"] += 1
        return replies.refusal(
            _now(), request_id or None, "SPINE_UNAVAILABLE", SPINE_REFUSAL, command=command
        )


def _now() -> int:
    return time.time_ns() // 1_000_000
