"""The router."""

from ops.settings import Settings
from streams.app import RouterPolicy


def router_policy(settings: Settings) -> RouterPolicy:
    return RouterPolicy(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        instance=f"router-{settings.instance}",
        session_timeout_seconds=settings.session_timeout_seconds,
        state_folder=settings.state_folder,
    )
