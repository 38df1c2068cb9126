"""A look from outside at what a record says: does it answer?"""

import http.client
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from ops.devstack.plan import broker_names
from ops.devstack.ports import LOOPBACK
from ops.devstack.record import Record

TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """One server or process of a stack: its name, where a person finds it, and what for if that is not plain."""

    name: str
    address: str
    purpose: str
    ready_port: int = 0  # GET /readyz there; 0: the address is tried itself


def parts_of(record: Record) -> list[Part]:
    """What this stack runs, or uses where it is given; for people, so in the order in which they want to know."""
    found = record.endpoints
    parts = [
        Part("api", record.api_url, "HTTP API; its reference is at /docs", record.process_ports.get("api", 0)),
        Part("mail", found.mail_url, "read the caught mail here"),
        Part("smtp", found.smtp_url, "takes all mail, sends none on"),
        Part("webhooks", found.webhooks_url, "receives webhooks: POST to hook/NAME; takes SMS: api/sms"),
        *_kafka_parts(record),
        Part("postgres", found.postgres_dsn, ""),
        Part("valkey", found.redis_url, ""),
    ]
    processes = [
        Part(name, f"http://{LOOPBACK}:{port}/metrics", "", port)
        for name, port in record.process_ports.items()
        if name != "api"
    ]
    return [part for part in [*parts, *processes] if part.address]


def _kafka_parts(record: Record) -> list[Part]:
    """One, or each node of a cluster by itself. A Kafka that was given is one, however many addresses it has."""
    all_of_them = record.endpoints.kafka_bootstrap_servers
    if record.brokers == 1:
        return [Part("kafka", all_of_them, "")]
    each = all_of_them.split(",")
    return [Part(name, address, "") for name, address in zip(broker_names(record.brokers), each, strict=True)]


def answers(part: Part) -> bool:
    """Whether it is ready (processes) or takes connections (servers) now."""
    try:
        if part.ready_port:
            return _ready(part.ready_port)
        address = urlsplit(part.address if "//" in part.address else f"//{part.address.split(',')[0]}")
        with socket.create_connection((address.hostname or LOOPBACK, address.port or 0), TIMEOUT_SECONDS):
            return True
    except (OSError, http.client.HTTPException):
        return False


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    finally:
        connection.close()
