"""Follow what became of notifications, from any service: a consumer of a dozen lines.

python follow_delivery_status.py BOOTSTRAP_SERVERS GROUP
"""

import io
import json
import sys
from pathlib import Path

import fastavro
from confluent_kafka import Consumer

SCHEMA = fastavro.parse_schema(json.loads((Path(__file__).parents[2] / "schemas/avro/DeliveryStatus.avsc").read_text()))
consumer = Consumer({"bootstrap.servers": sys.argv[1], "group.id": sys.argv[2], "auto.offset.reset": "earliest"})
consumer.subscribe(["delivery-status"])
while True:
    message = consumer.poll(1.0)
    if message is None or message.error():
        continue
    frame, body = message.value()[:10], io.BytesIO(message.value()[10:])  # frame: C3 01 and the schema's fingerprint
    status = fastavro.schemaless_reader(body, SCHEMA, None)
    print(*(status[name] for name in ("delivery_id", "recipient_id", "channel", "status", "reason")), flush=True)
