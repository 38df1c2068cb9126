"""Schemas as rows of a table: name, type, meaning; what is inside a field follows it."""

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any

_MAX_DEPTH = 3
_CODE = re.compile(r"`([^`]+)`")


def words(text: str) -> str:
    """Plain text as HTML; `code` in backquotes."""
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))


def resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema a reference leads to; of a choice with null, the other one; of a list, its items."""
    if "$ref" in node:
        return resolved(schema["components"]["schemas"][node["$ref"].rsplit("/", 1)[-1]], schema)
    if "anyOf" in node:
        others = [each for each in node["anyOf"] if each.get("type") != "null"]
        return {**node, **resolved(others[0], schema)} if len(others) == 1 else node
    return node


def fields(node: dict[str, Any], schema: dict[str, Any], depth: int = 0, prefix: str = "") -> str:
    """A row for each property, and for each of those inside it."""
    needed = set(node.get("required", ()))
    return "".join(
        row
        for name, each in node.get("properties", {}).items()
        for row in _rows(f"{prefix}{name}", each, schema, depth, name in needed and depth == 0 and not prefix)
    )


def _rows(name: str, node: dict[str, Any], schema: dict[str, Any], depth: int, needed: bool) -> Iterator[str]:
    found = resolved(node, schema)
    inner = resolved(found.get("items", {}), schema) if found.get("type") == "array" else found
    text = words(node.get("description") or (found.get("description") or "" if "$ref" not in node else ""))
    example = next(iter(node.get("examples", ())), None)
    if example is not None:
        text += f' <span class="type">such as</span> <code>{escape(json.dumps(example), quote=False)}</code>'
    mark = ' <span class="needed">needed</span>' if needed else ""
    style = ' class="inner"' if depth else ""
    yield (
        f'<tr{style}><td><code>{escape(name)}</code>{mark}<br><span class="type">{escape(_type(found, schema))}</span>'
        f"</td><td>{text}</td></tr>"
    )
    if inner.get("properties") and depth < _MAX_DEPTH:
        yield fields(inner, schema, depth + 1, f"{name}{'[]' if found.get('type') == 'array' else ''}.")


def _type(node: dict[str, Any], schema: dict[str, Any]) -> str:
    if "enum" in node:
        return " | ".join(map(str, node["enum"]))
    if node.get("type") == "array":
        return f"list of {_type(resolved(node.get('items', {}), schema), schema)}"
    if node.get("format") == "date-time":
        return "time"
    kinds = {"string": "text", "integer": "number", "number": "number", "boolean": "true | false", "object": "object"}
    return kinds.get(node.get("type", ""), "any")
