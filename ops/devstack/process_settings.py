"""The TIDINGS_* settings that a stack gives to the processes beside its servers."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.devstack.endpoints import VARIABLES, Endpoints
from ops.devstack.locks import write_private
from ops.devstack.plan import ProcessSpec
from ops.devstack.ports import LOOPBACK
from ops.devstack.sms_site import PATH as SMS_PATH

API_HOST, API_PORT, API_URL = "TIDINGS_API_HOST", "TIDINGS_API_PORT", "TIDINGS_API_URL"
METRICS_PORT = "TIDINGS_METRICS_PORT"
REPLICATION = "TIDINGS_REPLICATION_FACTOR"
INSTANCE = "TIDINGS_INSTANCE"
STATE_FOLDER = "TIDINGS_STATE_FOLDER"
SMS_SENDER = {"TIDINGS_SMS_ACCOUNT": "ACdev", "TIDINGS_SMS_TOKEN": "dev", "TIDINGS_SMS_FROM": "+15005550006"}


def webhook_secret(data: Path) -> str:
    """The secret that signs this folder's webhooks: made once, readable by its owner only."""
    path = data / "webhook-secret"
    if not path.exists():
        write_private(path, "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
    return path.read_text()


def stack_settings(endpoints: Endpoints, api_port: int, secret: str, brokers: int = 1) -> dict[str, str]:
    """What the stack decides for every process. `api_port` 0 = it runs no API. Topics are copied to every broker."""
    settings = {"TIDINGS_WEBHOOK_SECRET": secret, "TIDINGS_WEBHOOK_ALLOW_PRIVATE": "true", **endpoints.environment()}
    if endpoints.webhooks_url:
        settings |= {"TIDINGS_SMS_URL": f"{endpoints.webhooks_url}{SMS_PATH}", **SMS_SENDER}
    if api_port:
        settings |= {API_HOST: LOOPBACK, API_PORT: str(api_port), API_URL: f"http://{LOOPBACK}:{api_port}"}
    if brokers > 1:
        settings[REPLICATION] = str(brokers)
    return settings


def with_callers(settings: Mapping[str, str], caller: Mapping[str, str]) -> dict[str, str]:
    """The same with the caller's own TIDINGS_* settings, which win, save where the servers are."""
    chosen = {
        name: value for name, value in caller.items() if name.startswith("TIDINGS_") and name not in VARIABLES.values()
    }
    return {**settings, **chosen}


def own_settings(spec: ProcessSpec, ports: Sequence[int]) -> dict[str, str]:
    """What one process is told, whatever the caller says: its ports, and a name that stays the same over restarts
    (static group membership)."""
    told = {variable: str(port) for variable, port in zip(spec.port_variables, ports, strict=True)}
    return {**told, INSTANCE: f"dev-{spec.name}-1"}
