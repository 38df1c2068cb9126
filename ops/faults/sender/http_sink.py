"""The receiver of webhooks: takes every POST to /<word>.<recipient>."""

import json

from ops.faults.beside import Trouble
from ops.faults.sender.sink import Arrival, Connection, Reply

_HEAD_END = b"\r\n\r\n"
RETRY_AFTER_SECONDS = 2


class HttpConnection(Connection):
    """HTTP/1.1, kept alive."""

    def next_reply(self) -> Reply | None:
        """A request is its head and as many bytes as that says."""
        head_end = self.received.find(_HEAD_END)
        if head_end < 0:
            return None
        request, *lines = bytes(self.received[:head_end]).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        end = head_end + len(_HEAD_END) + int(headers.get("content-length", "0"))
        if len(self.received) < end:
            return None
        body = bytes(self.received[head_end + len(_HEAD_END) : end])
        del self.received[:end]
        return self._answer(request.split(" ")[1].lstrip("/"), headers.get("webhook-id", ""), body)

    def _answer(self, address: str, delivery_id: str, body: bytes) -> Reply:
        if self.sink.trouble is Trouble.REFUSES:
            return Reply(_status("503 Service Unavailable"))
        if self.sink.trouble is Trouble.THROTTLES:
            return Reply(_status("429 Too Many Requests", f"Retry-After: {RETRY_AFTER_SECONDS}\r\n"))
        if address.startswith("no."):
            return Reply(_status("400 Bad Request"))
        told = json.loads(body)
        if not self.sink.takes(address, told["notification_id"]):
            return Reply(_status("500 Internal Server Error"))
        arrival = Arrival(told["notification_id"], delivery_id, address, str(told["data"].get("order_number", "")))
        return Reply(_status("200 OK"), arrival)


def _status(line: str, more: str = "") -> bytes:
    return f"HTTP/1.1 {line}\r\n{more}Content-Length: 0\r\n\r\n".encode()
