"""The senders, and the providers of each channel."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from connectors.delivery.fallback_claims import FallbackClaims
from connectors.delivery.parts import SenderParts
from connectors.delivery.policy import SenderPolicy
from connectors.fast_json import fast_json
from connectors.postgres.claims import PostgresClaims
from connectors.postgres.pool import Pool
from connectors.postgres.recipients import RecipientStore
from connectors.redis.breakers import RedisBreakers
from connectors.redis.claims import RedisClaims
from connectors.redis.client import RedisServer
from connectors.redis.limits import RedisLimits
from connectors.redis.recipients import RecipientCache
from ops.settings import Settings, WrongSetting
from ops.wiring.shared import all_open, catalogue, codec, new_id
from streams.domain.breaker import BreakerPolicy
from streams.domain.notification import Channel
from streams.domain.ports import Provider
from streams.domain.rendering import Renderer

# What fails on these is the recipient's own end, not a provider that serves all: its lane is parked, nobody else waits.
WITHOUT_BREAKER = frozenset({Channel.WEBHOOK})

_CONNECTIONS = 8  # to PostgreSQL: opened only while Redis is away, when every flow looks up, claims and marks there
_LEAST_AT_ONCE = 24  # a breaker opens after 20 calls: as many must be able to hang at a time


def providers(settings: Settings, channel: Channel) -> tuple[Provider, ...]:
    """Who carries this channel, the first choice first. Raises WrongSetting."""
    return {Channel.EMAIL: _smtp, Channel.WEBHOOK: _webhook, Channel.SMS: _sms}[channel](settings)


def _smtp(settings: Settings) -> tuple[Provider, ...]:
    """smtp, smtp-2, ...: breakers, limits and metrics know a relay by its place."""
    from connectors.channels.email import SmtpPolicy, SmtpProvider

    relays = []
    try:
        for place, url in enumerate(settings.smtp_url.split(), 1):
            relays.append(SmtpProvider(SmtpPolicy(url, settings.mail_from, settings.mail_connections)))
            if place > 1:
                relays[-1].name = f"smtp-{place}"
    except ValueError as error:
        raise WrongSetting(f"TIDINGS_SMTP_URL or TIDINGS_MAIL_FROM is wrong: {error}") from None
    return tuple(relays)


def _webhook(settings: Settings) -> tuple[Provider, ...]:
    from connectors.channels.webhook import WebhookPolicy, WebhookProvider
    from connectors.channels.webhook_signature import parse_secrets

    try:
        secrets = parse_secrets(settings.webhook_secret)
    except ValueError as error:
        raise WrongSetting(f"TIDINGS_WEBHOOK_SECRET is wrong: {error}") from None
    policy = WebhookPolicy(secrets, settings.webhook_timeout_seconds, settings.webhook_allow_private)
    return (WebhookProvider(policy),)


def _sms(settings: Settings) -> tuple[Provider, ...]:
    from connectors.channels.sms import SmsPolicy, TwilioProvider

    policy = SmsPolicy(
        url=settings.sms_url,
        account=settings.sms_account,
        token=settings.sms_token,
        sender=settings.sms_from,
        status_url=settings.sms_status_url,
    )
    try:
        return (TwilioProvider(policy),)
    except ValueError as error:
        raise WrongSetting(f"TIDINGS_SMS_{error}") from None


def sender_policy(settings: Settings, channel: Channel) -> SenderPolicy:
    """Calls beyond a relay's connections would only wait in line there, where high cannot pass them."""
    at_once = max(_LEAST_AT_ONCE, settings.mail_connections * 3 // 2) if channel is Channel.EMAIL else None
    return SenderPolicy(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        channel=channel,
        schedule=settings.schedule(channel),
        instance=settings.instance,
        slots=min(settings.sender_slots, at_once * 4) if at_once else settings.sender_slots,
        at_once=at_once,
        session_timeout=timedelta(seconds=settings.session_timeout_seconds),
        breaker=None if channel in WITHOUT_BREAKER else BreakerPolicy(),
        limits=settings.limits(channel),
        recipient_at_once=settings.recipient_at_once(channel),
    )


@asynccontextmanager
async def sender_parts(settings: Settings, channel: Channel) -> AsyncIterator[SenderParts]:
    """What a sender is made of, open for the length of the block."""
    ours, known = codec(settings), catalogue(settings)
    first, *standby = providers(settings, channel)
    pool = Pool(settings.postgres_dsn, f"tidings-sender-{channel}", _CONNECTIONS)
    redis = RedisServer(settings.redis_url)
    claims = FallbackClaims(RedisClaims.at(settings.redis_url), PostgresClaims(pool, elsewhere=True))
    async with all_open((pool, redis)):
        recipients = RecipientCache(redis.client, RecipientStore(pool, ours, new_id).load)
        try:
            yield SenderParts(
                first,
                recipients,
                claims,
                Renderer(known, fast_json).compose,
                known,
                ours,
                standby=tuple(standby),
                breakers=RedisBreakers(redis.client),
                limits=RedisLimits(redis.client),
            )
        finally:
            await claims.close()
