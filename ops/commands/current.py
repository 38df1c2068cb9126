"""Which installation a command speaks to: TIDINGS_* variables, else the dev stack of this folder."""

import os
from pathlib import Path

from ops.settings import Settings, read

DEV_DATA = Path(".tidings") / "dev"


def current_settings() -> Settings:
    """The settings of this command. Raises WrongSetting with one line."""
    fill_from_dev_stack()
    return read()


def fill_from_dev_stack() -> None:
    """Take what is not set from the dev stack of this folder, if one runs; what is set always wins."""
    if not (DEV_DATA / "stack.json").exists():
        return
    from ops.devstack.record import running_environment

    for name, value in (running_environment(DEV_DATA) or {}).items():
        os.environ.setdefault(name, value)
