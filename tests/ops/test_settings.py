import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ops.settings import Settings, WrongSetting, read, table
from streams.domain.notification import Channel

ROOT = Path(__file__).parents[2]
NEEDED = {
    "kafka_bootstrap_servers": "localhost:9092",
    "postgres_dsn": "postgresql://u:p@localhost/d",
    "redis_url": "redis://localhost",
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"postgres_dsn": "mysql://x"}, r"TIDINGS_POSTGRES_DSN is wrong: write postgresql://"),
        ({"redis_url": "localhost"}, r"TIDINGS_REDIS_URL is wrong: write redis://"),
        ({"smtp_url": "localhost:25"}, r"TIDINGS_SMTP_URL is wrong"),
        ({"email_retry_schedule": "5 minutes"}, r"TIDINGS_EMAIL_RETRY_SCHEDULE is wrong: '5 minutes' is not a delay"),
        ({"webhook_retry_schedule": "5m,1s"}, r"TIDINGS_WEBHOOK_RETRY_SCHEDULE is wrong: .*rising order"),
        ({"partitions": "many"}, r"TIDINGS_PARTITIONS is wrong"),
        ({"api_port": 99999}, r"TIDINGS_API_PORT is wrong"),
        ({"log_level": "LOUD"}, r"TIDINGS_LOG_LEVEL is wrong"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(changes: dict[str, str], said: str) -> None:
    with pytest.raises(WrongSetting, match=said) as raised:
        read(**NEEDED | changes)
    assert "\n" not in str(raised.value)


def test_a_missing_setting_ends_the_command_with_one_line_and_78() -> None:
    bare = {k: v for k, v in os.environ.items() if not k.startswith("TIDINGS_")}
    done = subprocess.run(
        [sys.executable, "-m", "ops.commands.main", "router"],
        env=bare | {"PYTHONPATH": str(ROOT)}, cwd="/", capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 78
    assert done.stderr.strip().splitlines() == [done.stderr.strip()]
    assert "TIDINGS_KAFKA_BOOTSTRAP_SERVERS is not set" in done.stderr


def test_secrets_do_not_show_in_the_settings_text() -> None:
    shown = repr(read(**NEEDED | {"postgres_dsn": "postgresql://u:canary@h/d", "webhook_secret": "whsec_canary"}))
    assert "canary" not in shown


def test_every_channel_has_a_retry_schedule() -> None:
    assert set(read(**NEEDED).schedules()) == set(Channel)


def test_every_setting_is_used_and_documented() -> None:
    sources = "".join(p.read_text() for p in (ROOT / "ops").rglob("*.py"))
    for name, field in Settings.model_fields.items():
        assert field.description, name
        used = rf"settings\.{name}\b|_retry_schedule" if name.endswith("_schedule") else rf"settings\.{name}\b"
        assert re.search(used, sources.replace("self.", "settings.")), f"{name} is never used"


def test_the_readme_has_the_settings_as_they_are() -> None:
    assert table() in (ROOT / "README.md").read_text()
