"""Stands in for a tidings process: answers /readyz, and does what its first word says.

serve            until SIGTERM; then it notes whether the server of TIDINGS_REDIS_URL still takes connections
crash-when-told  like serve, but a GET /crash ends it with status 7
never-ready      answers 503
die              ends at once with status 9
"""

import contextlib
import json
import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

WHAT = sys.argv[1]
NOTES = Path(sys.argv[2]) if len(sys.argv) > 2 else None


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/crash" and WHAT == "crash-when-told":
            os._exit(7)
        body = json.dumps({name: text for name, text in os.environ.items() if name.startswith("TIDINGS_")}).encode()
        self.send_response(503 if WHAT == "never-ready" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def end(*_: Any) -> None:
    address = urlsplit(os.environ.get("TIDINGS_REDIS_URL", ""))
    server_there = False
    with contextlib.suppress(OSError):
        socket.create_connection((address.hostname or "", address.port or 0), 1).close()
        server_there = True
    if NOTES:
        NOTES.write_text(json.dumps({"server_there": server_there}))
    os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, end)
    print(f"stand-in: {WHAT}", flush=True)
    if WHAT == "die":
        sys.exit(9)
    port = os.environ.get("TIDINGS_API_PORT") if "api" in sys.argv else os.environ["TIDINGS_METRICS_PORT"]
    HTTPServer(("127.0.0.1", int(port or 0)), Answers).serve_forever()
