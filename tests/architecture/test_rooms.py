"""Rules of the house that are checked by reading the source."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("schemas", "streams", "connectors", "ops")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
FORBIDDEN_NAMES = {"utils", "core", "common", "helpers", "manager", "lib"}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_file_stays_under_300_lines_and_is_named_after_a_concept(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300
    assert not FORBIDDEN_NAMES & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    source = path.read_text()
    assert not source.strip() or ast.get_docstring(ast.parse(source))


def test_no_function_is_longer_than_60_lines() -> None:
    long = [
        f"{named(path)}:{node.name}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno - len((ast.get_docstring(node) or "").splitlines()) > 60
    ]
    assert long == []


def test_every_metric_is_declared_in_the_catalogue_and_used() -> None:
    declared = set(
        re.findall(r"^([A-Z_]+) = (?:Tally)?(?:Counter|Gauge|Histogram)", _text("ops/telemetry/metrics.py"), re.M)
    )
    rest = "".join(path.read_text() for path in FILES if named(path) != "ops/telemetry/metrics.py")
    used = set(re.findall(r"metrics\.([A-Z_]+)", rest))
    assert used == declared
    assert not re.search(r"\b(Counter|Gauge|Histogram)\(\s*\"tidings", rest)


def test_every_query_is_used_and_every_used_query_exists() -> None:
    for sql in (ROOT / "connectors" / "postgres" / "queries").glob("*.sql"):
        for name in re.findall(r"^-- name: (\w+)", sql.read_text(), re.M):
            assert any(f'"{name}"' in path.read_text() for path in FILES), f"{sql.name}: {name} is never used"


def test_nothing_names_a_machine_or_a_package_registry() -> None:
    bad = re.compile(r"(?<![\w.])/(?:work|farm|home|root)/|https?://[\w.-]*(?:pypi|pythonhosted|maven|npmjs)", re.I)
    texts = [p for ext in ("py", "md", "toml", "yml", "txt", "lock") for p in ROOT.rglob(f"*.{ext}")]
    hits = [
        named(path)
        for path in texts
        if not {".venv", ".tidings", ".git"} & set(path.parts)
        and path != Path(__file__)
        and bad.search(path.read_text())
    ]
    assert hits == []


def _text(name: str) -> str:
    return (ROOT / name).read_text()
