"""Providers in trouble: each kind of it is a fault of its own, for e-mail and for webhooks."""

import random
from functools import partial

from ops.faults.beside import Trouble
from ops.faults.fault import Fault, Inject
from ops.faults.stage import Stage
from ops.faults.verdict import Bound
from streams.domain.notification import Channel

SECONDS = 2.5
"""At most three attempts of the run's schedule fall into it (`sender/traffic`), so that nobody's is exhausted by it."""

HANG_SECONDS = 12.0  # a call that hangs is one attempt, and a breaker opens for slow calls after 10 s
RECOVERY_SECONDS = 12.0  # a breaker opens for 5 s, then for 10

_WORDS = {
    Trouble.REFUSES: ("every call is refused for now", "451 at every command", "503"),
    Trouble.THROTTLES: ("has enough", "421 and a closed connection", "429 with Retry-After"),
    Trouble.HANGS: ("says nothing for 12 s, then cuts its connections", "", ""),
    Trouble.DRIPS: ("answers a byte in half a second", "", ""),
    Trouble.RESETS: ("resets every connection", "", ""),
    Trouble.DROPS: ("takes a message and drops the connection", "after DATA", "after the body"),
}


def inject(trouble: Trouble, stage: Stage, fault: Fault, chance: random.Random) -> None:
    """On, off, and time to recover."""
    provider = stage.beside.provider
    for number in fault.rounds(stage, chance):
        stage.say(f"{trouble} {number}")
        provider.trouble = trouble
        stage.pause(HANG_SECONDS if trouble is Trouble.HANGS else SECONDS)
        provider.trouble = Trouble.NONE
        stage.pause(RECOVERY_SECONDS)


def _fault(channel: Channel, trouble: Trouble) -> Fault:
    what, mail, http = _WORDS[trouble]
    more = mail if channel is Channel.EMAIL else http
    bound_inject: Inject = partial(inject, trouble)
    return Fault(
        f"{channel}_{trouble}",
        f"the provider of {channel} {what}{f' ({more})' if more else ''}",
        runs=2,
        every_seconds=(3, 5),
        # only what the provider took without saying so in full may come again, as often as it did so
        bound=Bound(duplicates_share=0, drain_seconds=90),
        inject=bound_inject,
        channel=channel,
    )


PROVIDER_FAULTS = tuple(
    _fault(channel, trouble)
    for channel in (Channel.EMAIL, Channel.WEBHOOK)
    for trouble in Trouble
    if trouble is not Trouble.NONE
)
