"""Which installation a command speaks to: TIDINGS_* variables, else the dev stack of this folder."""

import os
from collections.abc import Collection
from pathlib import Path

from ops.settings import SERVERS, Settings, read

STACKS = (Path(".tidings/dev"), Path(".tidings/demo"))


def current_settings(needs: Collection[str] = SERVERS) -> Settings:
    """The settings of this command, which cannot do without these servers. Raises WrongSetting with one line."""
    fill_from_dev_stack()
    return read(needs)


def fill_from_dev_stack() -> None:
    """Take what is not set from the dev stack or the demo that runs in this folder; what is set always wins."""
    there = [data for data in STACKS if (data / "stack.json").exists()]
    if not there:
        return
    from ops.devstack.record import running_environment

    found = next(filter(None, map(running_environment, there)), {})
    for name, value in found.items():
        os.environ.setdefault(name, value)
