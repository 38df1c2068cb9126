"""Which contenders can run here, and what has to be installed for the others."""

import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple

from ops.bench.sender.process import Contender

INSTALL = "pip install 'tidings[bench]'"
_PACKAGES = {Contender.EMAIL_LOOP: ("jinja2",), Contender.CELERY: ("jinja2", "celery")}
_GEMS = ("sidekiq", "mail", "pg")


class Missing(NamedTuple):
    """A contender that cannot run, and why."""

    contender: Contender
    why: str


def missing(
    contender: Contender,
    installed: Callable[[str], bool] = lambda name: bool(find_spec(name)),
    has_gems: Callable[[tuple[str, ...]], bool] | None = None,
) -> Missing | None:
    """None: it can run."""
    lacking = [name for name in _PACKAGES.get(contender, ()) if not installed(name)]
    if lacking:
        return Missing(contender, f"{', '.join(lacking)} not installed; this does it: {INSTALL}")
    if contender is Contender.SIDEKIQ and not (has_gems or _has_gems)(_GEMS):
        return Missing(contender, f"needs ruby with {', '.join(_GEMS)} (Debian: ruby-sidekiq ruby-mail ruby-pg)")
    return None


def _has_gems(gems: tuple[str, ...]) -> bool:
    ruby = shutil.which("ruby")
    if ruby is None:
        return False
    asked = [ruby, *(f"-r{gem}" for gem in gems), "-e", ""]
    return subprocess.run(asked, capture_output=True, timeout=30, check=False).returncode == 0
