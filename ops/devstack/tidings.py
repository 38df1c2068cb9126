"""The processes of tidings, as a development stack runs them: one of each."""

import sys

from ops.devstack.plan import ProcessSpec
from ops.devstack.process_settings import API_PORT, METRICS_PORT

NEEDS = ("kafka", "postgres", "valkey")


def tidings_processes() -> tuple[ProcessSpec, ...]:
    """Topics and tables first, then everything that serves. /readyz of the API is on its own port."""
    tidings = (sys.executable, "-m", "ops.commands.main")
    metrics = (METRICS_PORT,)
    return (
        ProcessSpec("topics", (*tidings, "topics", "apply", "--yes"), once=True),
        ProcessSpec("migrate", (*tidings, "migrate"), once=True),
        ProcessSpec("api", (*tidings, "api"), (API_PORT, METRICS_PORT)),
        ProcessSpec("router", (*tidings, "router"), metrics),
        ProcessSpec("sender-email", (*tidings, "sender", "email"), metrics),
        ProcessSpec("sender-webhook", (*tidings, "sender", "webhook"), metrics),
        ProcessSpec("recorder", (*tidings, "recorder"), metrics),
        ProcessSpec("scheduler", (*tidings, "scheduler"), metrics),
    )
