"""SQL lives in named queries in queries/*.sql: `-- name: find_recipients`, then the statement."""

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("queries")
_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def load(file: str) -> dict[str, str]:
    """The statements of queries/<file>.sql by name. Raises ValueError for a name that is used twice."""
    parts = _NAME.split((FOLDER / f"{file}.sql").read_text())
    names, statements = parts[1::2], [text.strip().rstrip(";") for text in parts[2::2]]
    if len(set(names)) != len(names):
        raise ValueError(f"{file}.sql uses a name twice")
    return dict(zip(names, statements, strict=True))
