"""Every setting, once: read from TIDINGS_* variables at start, checked, frozen. Each part gets only what it needs."""

import platform
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from streams.domain.notification import Channel
from streams.domain.rate_limit import RateLimits
from streams.domain.retry_schedule import DEFAULT, RetrySchedule

PREFIX = "TIDINGS_"
KAFKA, POSTGRESQL, REDIS = "kafka_bootstrap_servers", "postgres_dsn", "redis_url"
SERVERS = (KAFKA, POSTGRESQL, REDIS)


class WrongSetting(ValueError):
    """A setting is missing or wrong; the text is one line that names its variable and says what would be right."""


def _schedule(text: str) -> str:
    RetrySchedule.parse(text)
    return text


def _limits(text: str) -> str:
    RateLimits.parse(text)
    return text


Schedule = Annotated[str, AfterValidator(_schedule)]
Limits = Annotated[str, AfterValidator(_limits)]


class Settings(BaseSettings):
    """What an operator can set. Secrets are never printed (repr=False)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    kafka_bootstrap_servers: str = Field("", description="Kafka's addresses: host:port, comma-separated.")
    postgres_dsn: str = Field(
        "",
        description="PostgreSQL: postgresql://user:password@host:port/database. The router and `tidings topics` do "
        "without.",
        repr=False,
    )
    redis_url: str = Field(
        "",
        description="Redis or Valkey: redis://host:port/number. The router, the recorder, `tidings topics`, `migrate` "
        "and `keys` do without.",
        repr=False,
    )
    smtp_url: str = Field(
        "smtp://127.0.0.1:25",
        description="The SMTP relay: smtp://[user:password@]host:port, or smtps:// for TLS from the "
        "start; ?starttls=required or off. Several, separated by spaces, stand in for each other in this order.",
        repr=False,
    )
    mail_from: str = Field("tidings <no-reply@localhost>", description="From of every e-mail.")
    mail_connections: int = Field(16, ge=1, le=256, description="Connections to the SMTP relay a sender keeps.")
    webhook_secret: str = Field(
        "",
        description="Signs webhooks (Standard Webhooks): whsec_ and base64 of 24 to 64 bytes. Several, separated by "
        "spaces, sign together while a secret is being changed. Needed by sender webhook.",
        repr=False,
    )
    webhook_allow_private: bool = Field(False, description="Call webhooks on private and loopback addresses.")
    webhook_timeout_seconds: float = Field(15, gt=0, le=60, description="Time for one webhook call, all in all.")
    sms_url: str = Field("https://api.twilio.com", description="Twilio's API, or one like it.")
    sms_account: str = Field("", description="Twilio's account SID. Needed by sender sms.")
    sms_token: str = Field(
        "",
        description="Its auth token, or an API key as SID:secret. Needed by sender sms.",
        repr=False,
    )
    sms_from: str = Field(
        "",
        description="Who SMS come from: a number such as +43660123456, a name, or the SID of a messaging service. "
        "Needed by sender sms.",
    )
    sms_status_url: str = Field("", description="Where Twilio reports later statuses; empty: nowhere.")
    catalogue: Path | None = Field(
        None, description="Folder of the catalogue: types and templates. Not set: the example catalogue."
    )
    email_retry_schedule: Schedule = Field(DEFAULT, description="When a failed e-mail is tried again.")
    webhook_retry_schedule: Schedule = Field(DEFAULT, description="When a failed webhook is tried again.")
    sms_retry_schedule: Schedule = Field(DEFAULT, description="When a failed SMS is tried again.")
    email_rate_limits: Limits = Field(
        "",
        description="How often e-mails go out at most, over all senders: `100/s` to each relay, or any of `provider "
        "100/s burst 10, tenant 20/s, recipient 30/h`. Periods are s, m, h, d; burst is how many may go at once.",
    )
    webhook_rate_limits: Limits = Field("", description="The same for webhooks.")
    sms_rate_limits: Limits = Field("", description="The same for SMS.")
    email_recipient_at_once: int = Field(
        4,
        ge=1,
        le=10_000,
        description="Deliveries of unordered types (`ordered = false`) to one recipient under way side by side in a "
        "sender of e-mails; the others wait and cost no attempt. Ordered ones go one by one anyway.",
    )
    webhook_recipient_at_once: int = Field(
        16, ge=1, le=10_000, description="The same for webhooks: so many calls of one endpoint at a time."
    )
    sms_recipient_at_once: int = Field(4, ge=1, le=10_000, description="The same for SMS.")
    partitions: int = Field(8, ge=1, le=4096, description="Partitions of every keyed topic; fixed once created.")
    replication_factor: int = Field(1, ge=1, le=9, description="Copies of each partition; 3 in production.")
    schema_registry_url: str = Field("", description="Schema registry (Confluent's API); empty: none.")
    api_host: str = Field("127.0.0.1", description="Address the HTTP API listens on.")
    api_port: int = Field(8080, ge=1, le=65535, description="Port of the HTTP API.")
    metrics_host: str = Field(
        "127.0.0.1", description="Address of /livez, /readyz and /metrics of the other processes."
    )
    metrics_port: int = Field(9400, ge=0, le=65535, description="Port of the same; 0: any free one.")
    instance: str = Field(
        default_factory=platform.node,
        description="Name of this process, stable over restarts and unique among its kind: static group membership.",
    )
    state_folder: Path | None = Field(
        None,
        description="Folder in which a router notes the record it is at work on, so that the next one sets aside what "
        "killed two; must outlive the process. Not set: a folder of its own below the temporary one.",
    )
    sender_slots: int = Field(
        256,
        ge=1,
        le=10_000,
        description="Deliveries of one sender under way side by side; of e-mails no more than six for each connection.",
    )
    session_timeout_seconds: float = Field(
        10, ge=1, le=300, description="After this silence Kafka gives partitions away."
    )
    attempts_kept_days: int = Field(30, ge=1, le=3650, description="How long provider calls are kept.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR.")

    @field_validator("postgres_dsn")
    @classmethod
    def _is_postgres(cls, dsn: str) -> str:
        if dsn and not dsn.startswith(("postgresql://", "postgres://")):
            raise ValueError("write postgresql://user:password@host:port/database")
        return dsn

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, url: str) -> str:
        if url and not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("write redis://host:port/number")
        return url

    @field_validator("smtp_url")
    @classmethod
    def _is_smtp(cls, urls: str) -> str:
        if not urls.split() or not all(url.startswith(("smtp://", "smtps://")) for url in urls.split()):
            raise ValueError("write smtp://[user:password@]host:port")
        return urls

    def schedule(self, channel: Channel) -> RetrySchedule:
        """When a failed delivery of this channel is tried again."""
        return RetrySchedule.parse(getattr(self, f"{channel}_retry_schedule"))

    def limits(self, channel: Channel) -> RateLimits:
        """How often this channel may be used."""
        return RateLimits.parse(getattr(self, f"{channel}_rate_limits"))

    def recipient_at_once(self, channel: Channel) -> int:
        """How many unordered deliveries of this channel to one recipient are under way at most."""
        made: int = getattr(self, f"{channel}_recipient_at_once")
        return made

    def schedules(self) -> dict[Channel, RetrySchedule]:
        return {channel: self.schedule(channel) for channel in Channel}


def read(needs: Collection[str] = SERVERS, **given: Any) -> Settings:
    """The settings from the environment; `given` wins. Raises WrongSetting with one line.

    `needs`: those of SERVERS that the caller cannot do without.
    """
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        said = first["msg"].removeprefix("Value error, ")
        raise WrongSetting(f"{_variable(name)} is wrong: {said}. {_told(name)}") from None
    for name in SERVERS:
        if name in needs and not getattr(settings, name):
            raise WrongSetting(f"{_variable(name)} is not set. {_told(name)} `tidings dev up` starts servers to try.")
    return settings


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def _told(name: str) -> str:
    return Settings.model_fields[name].description or ""


def table() -> str:
    """The settings as a Markdown table, for the README (a test keeps it fresh)."""
    lines = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        if name in SERVERS:
            default = "(needed)"
        elif field.default_factory is not None:
            default = "(host name)"
        else:
            default = "" if field.default in ("", None) else f"`{field.default}`"
        lines.append(f"| `{_variable(name)}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"
