"""Where it is measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ops.bench.router.cores import Cores, kept_off
from ops.bench.router.data import Mix
from ops.bench.router.ground import Ground
from ops.bench.router.order import Order


@dataclass(frozen=True, slots=True)
class Site:
    """A Kafka (`broker`: its process id, if it is here) and who runs on which core."""

    ground: Ground
    broker: int | None
    cores: Cores

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Within the block the measured cores belong to what is measured."""
        with kept_off(self.cores, self.broker):
            yield

    def order(self, inputs: str, outputs: str, mix: Mix, linger_ms: float = 1.0, gather_ms: int = 0) -> Order:
        """For a process on the first measured core, with a consumer group of its own."""
        return Order(
            self.ground.bootstrap_servers,
            f"{outputs}router",
            inputs,
            outputs,
            mix.types,
            tuple(self.cores.of(0)),
            linger_ms,
            gather_ms,
        )
