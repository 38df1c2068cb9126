"""What `tidings bench whole` measures."""

from collections.abc import Callable
from dataclasses import dataclass

from ops.bench.figures import Figure
from ops.bench.router.parts import Report, Table
from ops.bench.sender.peers import missing
from ops.bench.sender.process import Contender
from ops.bench.whole import ours, peer
from ops.bench.whole.site import site_of_its_own
from streams.domain.notification import Channel

Say = Callable[[str], None]

HEAD = ("process", "CPU s for a million e-mails", "share")


@dataclass(frozen=True, slots=True)
class Amounts:
    """Events of each backlog of ours, of Celery's; seconds at the steady rate, and before all of it."""

    events: int = 20_000
    others: int = 2_000
    seconds: float = 10.0
    warm_up: float = 25.0


def measure(amounts: Amounts, say: Say) -> Report:
    """E-mail, webhook, latency, then Celery on the same servers while our processes have nothing to do."""
    report = Report([], [], [])
    with site_of_its_own(say) as whole:
        say("warming up: not counted")
        ours.warm_up(whole, amounts.warm_up, say)
        mails = ours.backlog(whole, Channel.EMAIL, amounts.events, say)
        hooks = ours.backlog(whole, Channel.WEBHOOK, amounts.events, say)
        p50, p99 = ours.latency(whole, amounts.seconds, say)
        report.figures.extend(
            [
                Figure("email_per_s", mails.per_s, "emails/s", "event to mail taken and status kept", ">= 3,000"),
                Figure("webhook_per_s", hooks.per_s, "webhooks/s", "the same with webhooks"),
                Figure("cpu_s_per_million", mails.cpu_s_per_million, "s", "CPU of everything for a million e-mails"),
                Figure("event_to_provider_p50_ms", p50, "ms", f"at {ours.RATE}/s, median"),
                Figure("event_to_provider_p99_ms", p99, "ms", f"at {ours.RATE}/s, 99 %", "< 40"),
            ]
        )  # fmt: skip
        report.tables.append(Table("e-mail: CPU by process", HEAD, rows(mails)))
        lack = missing(Contender.CELERY)
        if lack is not None:
            report.tables.append(Table("left out", ("", "why"), [(lack.contender, lack.why)]))
        else:
            theirs = peer.backlog(whole, amounts.others, say)
            report.figures.append(Figure("ratio_celery", mails.per_s / theirs, "x", "ours / Celery", ">= 10"))
            report.figures.append(Figure("celery_per_s", theirs, "emails/s", "Celery, event posted to status kept"))
    return report


def rows(found: ours.Backlog) -> list[tuple[str, ...]]:
    """For a table, the largest first."""
    total = sum(found.cpu_seconds.values())
    ranked = sorted(found.cpu_seconds.items(), key=lambda pair: -pair[1])
    return [(name, f"{cpu / found.events * 1e6:,.0f}", f"{cpu / total:.0%}") for name, cpu in ranked]
