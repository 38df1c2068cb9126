"""Our sender as `tidings sender email` or `tidings sender webhook` runs it."""

import runpy
import sys

from ops.bench.router.cores import pin
from ops.bench.sender.order import Order


def main() -> None:
    order = Order.from_argument(sys.argv[1])
    pin(order.cores)
    sys.argv[1:] = ["sender", order.channel]
    runpy.run_module("ops.commands.main", run_name="__main__")


if __name__ == "__main__":
    main()
