"""Publish a notification from any service: Kafka, Avro and Notification.avsc are all it takes, no code of tidings.

python publish_without_tidings.py BOOTSTRAP_SERVERS RECIPIENT TYPE '{"order": "1042"}'
"""

import io
import json
import sys
import time
import uuid
from pathlib import Path

import fastavro
from confluent_kafka import Producer
from fastavro.schema import fingerprint, to_parsing_canonical_form

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "avro" / "Notification.avsc").read_text())
FRAME = b"\xc3\x01" + bytes.fromhex(fingerprint(to_parsing_canonical_form(SCHEMA), "CRC-64-AVRO"))

servers, recipient, kind, data = sys.argv[1:]
notification = {
    "notification_id": str(uuid.uuid4()),
    "recipient_id": recipient,
    "type": kind,
    "priority": "normal",
    "created_at": int(time.time() * 1000),
    "data": data,
}
value = io.BytesIO()
value.write(FRAME)
fastavro.schemaless_writer(value, fastavro.parse_schema(SCHEMA), notification)

# murmur2_random: the partition every Kafka client in Java would choose; librdkafka's own default is another one
producer = Producer({"bootstrap.servers": servers, "acks": "all", "partitioner": "murmur2_random"})
producer.produce(
    "notifications.normal", value.getvalue(), key=recipient, on_delivery=lambda error, _: error and sys.exit(str(error))
)
producer.flush()
print(notification["notification_id"])
