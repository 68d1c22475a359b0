"""Copies of a share of the traffic, for whoever tries a new version on it; the id of a frame decides."""

import hashlib
from typing import Final

from arqonbus_reference.shield import link
from arqonbus_reference.shield.metrics import ShieldMetrics
from arqonbus_reference.shield.spine import Spine, SpineUnavailableError

PREFIX: Final = "shadow."
HEADERS: Final = {"x-arqon-shadow": "1"}


def is_chosen(frame_id: str, share: float) -> bool:
    """Whether a frame of this id belongs to the share (0-1) that is copied: always, or never."""
    digest = hashlib.blake2b(frame_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2**64


class Mirror:
    """Copies `share` of the frames to `shadow.SUBJECT`."""

    def __init__(self, spine: Spine, share: float, metrics: ShieldMetrics) -> None:
        self._spine = spine
        self._share = share
        self._metrics = metrics

    def copy(self, tenant: str, text: bytes, frame_id: str) -> None:
        """Copy a frame that was published, if it is chosen; a copy that cannot be made is counted, and nothing else.

        Copies wait behind the traffic within a bound of their own (`backlog.MAX_WAITING_COPY_BYTES`): those over it are dropped.
        """
        if not self._share or not is_chosen(frame_id, self._share):
            return
        try:
            if len(text) > self._spine.max_payload_bytes:
                raise SpineUnavailableError("too large for one message")  # noqa: TRY301 - counted as any other
            kept = self._spine.publish_copy(PREFIX + link.inbound(tenant, "raw"), text, HEADERS)
        except SpineUnavailableError:
            self._metrics.mirrored["failed"] += 1
        else:
            self._metrics.mirrored["copied" if kept else "dropped"] += 1
