"""The processes of tidings, as a development stack runs them: one of each, and a sender a channel."""

import sys
from collections.abc import Sequence

from ops.devstack.plan import ProcessSpec
from ops.devstack.process_settings import API_PORT, METRICS_PORT

NEEDS = ("kafka", "postgres", "valkey")
CHANNELS = ("email", "webhook", "sms")


def tidings_processes(channels: Sequence[str] = CHANNELS[:2]) -> tuple[ProcessSpec, ...]:
    """Topics and tables first, then everything that serves, with a sender for each channel. /readyz of the API is on
    its own port."""
    tidings = (sys.executable, "-m", "ops.commands.main")
    metrics = (METRICS_PORT,)
    return (
        ProcessSpec("topics", (*tidings, "topics", "apply", "--yes"), once=True),
        ProcessSpec("migrate", (*tidings, "migrate"), once=True),
        ProcessSpec("api", (*tidings, "api"), (API_PORT, METRICS_PORT)),
        ProcessSpec("router", (*tidings, "router"), metrics),
        *(ProcessSpec(f"sender-{channel}", (*tidings, "sender", channel), metrics) for channel in channels),
        ProcessSpec("recorder", (*tidings, "recorder"), metrics),
        ProcessSpec("scheduler", (*tidings, "scheduler"), metrics),
    )
