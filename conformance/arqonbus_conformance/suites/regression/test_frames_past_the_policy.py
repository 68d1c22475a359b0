"""Met since: Shield asked its policy about protobuf frames only.

Text frames took another path to the spine, so that whatever the policy denied could be sent as JSON.
"""

from __future__ import annotations

from pathlib import Path

from arqonbus_conformance import expect, protobuf_view
from arqonbus_conformance.deployment import Launch
from arqonbus_conformance.edge import LaunchShield, Nats
from arqonbus_conformance.envelopes import envelope
from arqonbus_conformance.frames import Opcode
from arqonbus_conformance.plugin import requirement
from arqonbus_conformance.suites.edges import DENY_SOME, edge_of, write_policy


@requirement("SHLD-019")
async def test_text_and_binary_frames_both_pass_the_policy(
    launch: Launch, launch_shield: LaunchShield, nats: Nats, tmp_path: Path
) -> None:
    """What the policy denies is denied in either form; what it allows passes in either."""
    write_policy(tmp_path / "policy.wasm", DENY_SOME)
    edge = await edge_of(
        launch, launch_shield, nats, shield={"POLICY_WASM_PATH": str(tmp_path / "policy.wasm")}
    )
    client = await edge.shield.shield.connect("client")
    room = edge.shield.shield.room
    texts = {"DENY": "POLICY_DENIED", "pass": None}

    for text, code in texts.items():
        as_text = await client.publish(room, "c", text=text)
        message = envelope("message", room=room, channel="c", payload={"text": text})
        await client.send_frame(Opcode.BINARY, protobuf_view.from_json(message))
        as_binary = await client.reply(message["id"])

        for reply in (as_text, as_binary):
            expect.equal(reply.get("error_code"), code, f"error_code for {text}")
