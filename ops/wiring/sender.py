"""The senders, and the provider of each channel."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from connectors.delivery.parts import SenderParts
from connectors.delivery.policy import SenderPolicy
from connectors.postgres.pool import Pool
from connectors.postgres.recipients import RecipientStore
from connectors.redis.claims import RedisClaims
from connectors.redis.client import RedisServer
from connectors.redis.recipients import RecipientCache
from ops.settings import Settings, WrongSetting
from ops.wiring.shared import all_open, catalogue, codec, new_id
from streams.domain.notification import Channel
from streams.domain.ports import Provider
from streams.domain.rendering import Renderer


def provider(settings: Settings, channel: Channel) -> Provider:
    """Who carries this channel. Raises WrongSetting."""
    return {Channel.EMAIL: _smtp, Channel.WEBHOOK: _webhook}[channel](settings)


def _smtp(settings: Settings) -> Provider:
    from connectors.channels.email import SmtpPolicy, SmtpProvider

    try:
        return SmtpProvider(SmtpPolicy(settings.smtp_url, settings.mail_from, settings.mail_connections))
    except ValueError as error:
        raise WrongSetting(f"TIDINGS_SMTP_URL or TIDINGS_MAIL_FROM is wrong: {error}") from None


def _webhook(settings: Settings) -> Provider:
    from connectors.channels.webhook import WebhookPolicy, WebhookProvider
    from connectors.channels.webhook_signature import parse_secrets

    try:
        secrets = parse_secrets(settings.webhook_secret)
    except ValueError as error:
        raise WrongSetting(f"TIDINGS_WEBHOOK_SECRET is wrong: {error}") from None
    return WebhookProvider(WebhookPolicy(secrets, settings.webhook_timeout_seconds, settings.webhook_allow_private))


def sender_policy(settings: Settings, channel: Channel) -> SenderPolicy:
    return SenderPolicy(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        channel=channel,
        schedule=settings.schedule(channel),
        instance=settings.instance,
        slots=settings.sender_slots,
        session_timeout=timedelta(seconds=settings.session_timeout_seconds),
    )


@asynccontextmanager
async def sender_parts(settings: Settings, channel: Channel) -> AsyncIterator[SenderParts]:
    """What a sender is made of, open for the length of the block."""
    ours, known = codec(settings), catalogue(settings)
    carrier = provider(settings, channel)
    pool, redis = Pool(settings.postgres_dsn, f"tidings-sender-{channel}"), RedisServer(settings.redis_url)
    claims = RedisClaims.at(settings.redis_url)
    async with all_open((pool, redis)):
        recipients = RecipientCache(redis.client, RecipientStore(pool, ours, new_id).load)
        try:
            yield SenderParts(carrier, recipients, claims, Renderer(known).compose, known, ours)
        finally:
            await claims.close()
