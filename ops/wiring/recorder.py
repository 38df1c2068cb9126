"""The recorder."""

from connectors.postgres.recording import RecordingStore
from connectors.recording.recorder import Recorder, RecorderPolicy
from ops.settings import Settings
from ops.telemetry.health import Health
from ops.wiring.shared import codec


def recording_store(settings: Settings) -> RecordingStore:
    return RecordingStore(settings.postgres_dsn, codec(settings))


def recorder(settings: Settings, store: RecordingStore, health: Health) -> Recorder:
    policy = RecorderPolicy(
        settings.kafka_bootstrap_servers, settings.instance, int(settings.session_timeout_seconds * 1000)
    )
    return Recorder(policy, store, codec(settings), health)
