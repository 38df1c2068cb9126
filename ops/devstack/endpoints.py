"""Where the servers of one stack are found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

VARIABLES = {
    "kafka_bootstrap_servers": "TIDINGS_KAFKA_BOOTSTRAP_SERVERS",
    "postgres_dsn": "TIDINGS_POSTGRES_DSN",
    "redis_url": "TIDINGS_REDIS_URL",
    "smtp_url": "TIDINGS_SMTP_URL",
}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of the servers; "" stands for a server that this stack does not run."""

    kafka_bootstrap_servers: str = ""
    postgres_dsn: str = ""
    redis_url: str = ""
    smtp_url: str = ""
    mail_url: str = ""
    webhooks_url: str = ""

    @classmethod
    def given(cls, environment: Mapping[str, str]) -> Self:
        """The servers that the environment names already: they are used, and none is started in their place."""
        return cls(**{field: environment.get(variable, "") for field, variable in VARIABLES.items()})

    def environment(self) -> dict[str, str]:
        """The settings by which a tidings process finds these servers; absent ones are left out."""
        values = {variable: str(getattr(self, field)) for field, variable in VARIABLES.items()}
        return {variable: value for variable, value in values.items() if value}
