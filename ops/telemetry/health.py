"""/livez, /readyz and /metrics of a process that serves nothing else."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


class Health:
    """What a process says of itself. `state` is a word: starting, recovering, ready, stopping.

    While `stalled` is true /readyz says stalled instead. Both it and `alive` are asked in a thread of their own.
    """

    def __init__(self) -> None:
        self.state = "starting"
        self.alive: Callable[[], bool] = lambda: True
        self.stalled: Callable[[], bool] = lambda: False

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body for a path."""
        if path == "/metrics":
            return 200, CONTENT_TYPE_LATEST, generate_latest()
        if path == "/readyz":
            state = "stalled" if self.stalled() else self.state
            return 200 if state == "ready" else 503, "text/plain", state.encode()
        if path == "/livez":
            alive = self.alive()
            return 200 if alive else 503, "text/plain", b"alive" if alive else b"stalled"
        return 404, "text/plain", b"there are /livez, /readyz and /metrics"


def serve(health: Health, host: str, port: int) -> ThreadingHTTPServer:
    """Answer on host:port in a daemon thread. Raises OSError when the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = health.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not a line per scrape."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
