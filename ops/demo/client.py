"""The HTTP API as a caller sees it."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is the decoded JSON, None when there is none."""

    status: int
    body: Any
    headers: dict[str, str]

    def ok(self) -> Any:
        """The body of a 2xx answer. Raises RuntimeError with the problem's own words otherwise."""
        if self.status >= 300:
            raise RuntimeError(f"the API answered {self.status}: {self.body}")
        return self.body


@dataclass(frozen=True, slots=True)
class Client:
    """One base URL and one key (empty: none is sent)."""

    url: str
    key: str = ""
    timeout_seconds: float = 10.0

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def put(self, path: str, body: Any) -> Answer:
        return self.call("PUT", path, json.dumps(body).encode())

    def post(self, path: str, body: Any = None) -> Answer:
        return self.call("POST", path, json.dumps(body).encode() if body is not None else b"")

    def call(self, method: str, path: str, data: bytes | None = None, kind: str = "application/json") -> Answer:
        """One request. Raises OSError when nobody answers."""
        headers = {"Content-Type": kind} if data else {}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_seconds) as response:  # noqa: S310
                return _answer(response.status, response.read(), response.headers)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.read(), error.headers)


def _answer(status: int, body: bytes, headers: Any) -> Answer:
    try:
        decoded = json.loads(body) if body else None
    except ValueError:
        decoded = body.decode(errors="replace")
    return Answer(status, decoded, {name.lower(): value for name, value in headers.items()})


def make_key(environment: Mapping[str, str], name: str) -> str:
    """A new API key of the installation that these TIDINGS_* variables name, made as a person would make it."""
    made = subprocess.run(
        [sys.executable, "-m", "ops.commands.main", "keys", "create", "--name", name],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if made.returncode:
        raise RuntimeError(f"no key could be made: {made.stderr.strip()}")
    return made.stdout.strip()
