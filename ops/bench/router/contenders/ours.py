"""Our router as `tidings router` runs it, on topics of the measurement's own. Prints the port of /readyz first."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from ops.bench.router.cores import pin
from ops.bench.router.data import catalogue
from ops.bench.router.order import Order
from ops.telemetry import logs
from ops.telemetry.health import Health, serve
from schemas.codec import Codec
from streams.app import RouterPolicy, run


def main() -> int:
    order = Order.from_argument(sys.argv[1])
    pin(order.cores)
    logs.start("router")
    health = Health()
    print(serve(health, "127.0.0.1", 0).server_address[1], flush=True)
    with TemporaryDirectory(prefix="tidings-bench-") as folder:
        policy = RouterPolicy(
            bootstrap_servers=order.bootstrap_servers,
            instance=order.instance,
            group=order.group,
            topics=order.topics,
            state_folder=Path(folder),
        )
        return run(policy, catalogue(order.types), Codec(), health)


if __name__ == "__main__":
    sys.exit(main())
