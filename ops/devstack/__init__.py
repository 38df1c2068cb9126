"""Real Kafka, PostgreSQL, Valkey, a mail catcher and a webhook receiver, from package registries only."""

from ops.devstack.endpoints import Endpoints
from ops.devstack.failures import StackFailed
from ops.devstack.plan import ProcessSpec
from ops.devstack.record import running_environment
from ops.devstack.stack import Stack

__all__ = ["Endpoints", "ProcessSpec", "Stack", "StackFailed", "running_environment"]
