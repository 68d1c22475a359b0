"""What a client gets that negotiated protobuf: each text frame of the server as one binary frame that says the same."""

from arqonbus_reference.shield import link
from arqonbus_reference.shield.schema import protobuf_view
from arqonbus_reference.transport.application import Endpoint
from arqonbus_reference.transport.frames import BINARY, header


class ProtobufOutlet:
    """An outlet that takes text frames and sends binary ones, which bear `tenant`."""

    def __init__(self, outlet: Endpoint, tenant: str) -> None:
        self._outlet = outlet
        self._tenant = tenant
        self.abort = outlet.abort
        self.finish = outlet.finish
        self.pause = outlet.pause
        self.resume = outlet.resume

    def send(self, frames: list[bytes]) -> None:
        """Send what the text frames say, in order."""
        sent = (protobuf_view(text, self._tenant) for joined in frames for text in link.texts(joined))
        self._outlet.send([header(BINARY, len(view)) + view for view in sent])
