"""Disks that are full to the last byte: Kafka's, Redis', and the one that logs are written to."""

import random
import time

from ops.faults.fault import Fault
from ops.faults.stage import Stage
from ops.faults.verdict import Bound

FULL_SECONDS = 8.0
BROKER_ENDS_SECONDS = 20.0
KAFKA, REDIS, LOGS = "kafka", "valkey", "log"
_ANY_STATUS = (1, 134, 135, -6, -7)  # it halts; or the write to a mapped file is a bus error


def inject(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """In turn. A broker whose disk is full ends by itself, and is started again when there is room."""
    for status in _ANY_STATUS:
        stage.allow_end(status, KAFKA)
    disks = stage.beside.disks
    for place, number in enumerate(fault.rounds(stage, chance)):
        disk = (KAFKA, REDIS, LOGS)[place % 3]
        stage.say(f"disk {number}: that of {disk} is full")
        disks.fill(disk)
        try:
            _wait(stage, disk)
        finally:
            disks.free(disk)
        if not stage.runs_now(KAFKA):
            stage.bring_back(KAFKA)


def _wait(stage: Stage, disk: str) -> None:
    if disk != KAFKA:
        stage.pause(FULL_SECONDS)
        return
    deadline = time.monotonic() + BROKER_ENDS_SECONDS
    while stage.runs_now(KAFKA) and time.monotonic() < deadline:
        stage.pause(0.5)
    if stage.runs_now(KAFKA):
        stage.problem(f"Kafka went on for {BROKER_ENDS_SECONDS:g} s on a full disk: was it full?")


DISK_FULL = Fault(
    "disk_full",
    "the disks of Kafka, of Redis and of the logs are full for some seconds (needs Linux and root)",
    runs=3,
    every_seconds=(4, 6),
    bound=Bound(duplicates_share=0, drain_seconds=120, duplicates_each=32),
    inject=inject,
    disks=(KAFKA, REDIS, LOGS),
)
