"""Follow what became of notifications, from any service: a consumer of a few lines.

python follow_delivery_status.py BOOTSTRAP_SERVERS GROUP
"""

import io
import json
import sys
from pathlib import Path

import fastavro
from confluent_kafka import Consumer
from fastavro.schema import fingerprint, to_parsing_canonical_form

SCHEMAS = Path(__file__).parents[2] / "schemas/avro"
VERSIONS = [*SCHEMAS.glob("history/DeliveryStatus/*.avsc"), SCHEMAS / "DeliveryStatus.avsc"]
BY_FINGERPRINT = {
    bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO")): schema
    for schema in (json.loads(path.read_text()) for path in VERSIONS)
}
consumer = Consumer({"bootstrap.servers": sys.argv[1], "group.id": sys.argv[2], "auto.offset.reset": "earliest"})
consumer.subscribe(["delivery-status"])
while True:
    message = consumer.poll(1.0)
    if message is None or message.error():
        continue
    frame, body = message.value()[:10], io.BytesIO(message.value()[10:])  # frame: C3 01 and the schema's fingerprint
    if frame[2:] not in BY_FINGERPRINT:
        print("written with a later schema: fetch schemas/avro anew", file=sys.stderr)
        continue
    status = fastavro.schemaless_reader(body, BY_FINGERPRINT[frame[2:]], None)
    print(*(status[name] for name in ("delivery_id", "recipient_id", "channel", "status", "reason")), flush=True)
