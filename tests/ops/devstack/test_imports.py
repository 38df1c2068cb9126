"""The dev stack stands by itself: it starts the system, it is no part of it."""

import pkgutil
import subprocess
import sys

import ops.devstack

FOREIGN = ("faust", "streams", "connectors", "schemas", "ops.settings", "ops.wiring")


def test_devstack_and_its_command_import_nothing_of_the_system() -> None:
    modules = [f"ops.devstack.{module.name}" for module in pkgutil.iter_modules(ops.devstack.__path__)]
    assert "ops.devstack.supervisor" in modules
    words = ", ".join([*modules, "ops.commands.dev"])
    program = f"import sys, {words}\nprint([name for name in sys.modules if name.startswith({FOREIGN!r})])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_a_look_at_what_runs_costs_no_heavy_import() -> None:
    program = (
        "import sys, ops.devstack.record\nprint({'aiohttp', 'confluent_kafka', 'psutil', 'rich'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "set()\n"
