"""What another team copies works, also with records of yesterday's schema."""

import io
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from uuid import uuid4

import fastavro
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from ops.devstack import Endpoints
from schemas import topics
from schemas.codec import Codec, fingerprint_of, versions

ROOT = Path(__file__).parents[2]
FOLLOWER = ROOT / "ops" / "examples" / "follow_delivery_status.py"


def written_by(schema: dict[str, object], status: dict[str, object]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), status)
    return b"\xc3\x01" + fingerprint_of(schema) + out.getvalue()


@pytest.mark.servers
def test_a_follower_reads_statuses_of_every_version(servers: Endpoints) -> None:
    admin = AdminClient({"bootstrap.servers": servers.kafka_bootstrap_servers})
    if topics.DELIVERY_STATUS not in admin.list_topics(timeout=10).topics:
        admin.create_topics([NewTopic(topics.DELIVERY_STATUS, 8, 1)])[topics.DELIVERY_STATUS].result(10)
    status = json.loads((ROOT / "schemas/examples/DeliveryStatus/sent.json").read_text())
    every = versions("DeliveryStatus")
    names = [f"ada-{number}-{uuid4().hex[:6]}" for number in range(len(every))]
    producer = Producer({"bootstrap.servers": servers.kafka_bootstrap_servers})
    producer.produce(topics.DELIVERY_STATUS, b"\xc3\x01" + bytes(8) + b"of a later version", "ada")
    for schema, name in zip(every, names, strict=True):
        producer.produce(topics.DELIVERY_STATUS, written_by(schema, {**status, "recipient_id": name}), "ada")
    assert producer.flush(20) == 0
    assert Codec().decode("DeliveryStatus", written_by(every[-1], status))["address_mark"] is None
    follower = subprocess.Popen(
        [sys.executable, str(FOLLOWER), servers.kafka_bootstrap_servers, f"team-{uuid4()}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    seen: list[str] = []
    try:
        assert follower.stdout
        lines = follower.stdout
        threading.Thread(target=lambda: seen.extend(iter(lines.readline, "")), daemon=True).start()
        deadline = time.monotonic() + 30
        while not all(any(name in line for line in seen) for name in names):
            assert time.monotonic() < deadline, seen
            assert follower.poll() is None, seen
            time.sleep(0.05)
    finally:
        follower.kill()
        follower.wait()
        if follower.stdout:
            follower.stdout.close()
