"""What our schemas must not be: shapes that make a decoder crash or explode, and fields nobody can understand. Pure.

Recursive schemas crash fastavro on deep input; an array or map whose items take no bytes turns five bytes into
thirty million items (both measured).
"""

import re
from typing import Any

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def lint(schema: Any) -> list[str]:
    """What is wrong, with the place of each; empty: nothing."""
    return _lint(schema, schema.get("name", ""), ())


def _lint(node: Any, at: str, above: tuple[str, ...]) -> list[str]:
    if isinstance(node, list):
        return [p for branch in node for p in _lint(branch, at, above)]
    if isinstance(node, str):
        return [f"{at}: {node} contains itself"] if node.rsplit(".", 1)[-1] in above else []
    match node["type"]:
        case "record":
            return _record(node, at, above)
        case "array" | "map" as kind:
            items = node["items" if kind == "array" else "values"]
            empty = [f"{at}: {kind} of items that take no bytes"] if not _takes_bytes(items) else []
            return empty + _lint(items, f"{at}[]", above)
        case dict() | list() as inner:
            return _lint(inner, at, above)
    return []


def _record(node: Any, at: str, above: tuple[str, ...]) -> list[str]:
    if node["name"] in above:
        return [f"{at}: {node['name']} contains itself"]
    found = [] if node["fields"] else [f"{at}: a record without fields"]
    for field in node["fields"]:
        here = f"{at}.{field['name']}"
        if not _NAME.fullmatch(field["name"]):
            found.append(f"{here}: names are lower_case")
        if isinstance(field["type"], list) and (field["type"][0] != "null" or field.get("default", "") is not None):
            found.append(f'{here}: an optional field is ["null", ...] with default null')
        found += _lint(field["type"], here, (*above, node["name"]))
    return found


def _takes_bytes(node: Any) -> bool:
    """Whether a value of this schema always takes at least one byte. A union takes one for its branch."""
    if isinstance(node, list):
        return True
    if isinstance(node, str):
        return node != "null"
    if node["type"] == "record":
        return any(_takes_bytes(field["type"]) for field in node["fields"])
    if node["type"] == "fixed":
        return bool(node["size"])
    return _takes_bytes(node["type"]) if isinstance(node["type"], dict) else node["type"] != "null"
