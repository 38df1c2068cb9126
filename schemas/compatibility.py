"""Can what one schema wrote be read with another? Avro 1.12, "Schema Resolution". Pure; schemas are parsed JSON."""

from typing import Any

_PROMOTIONS = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}


def problems(writer: Any, reader: Any, at: str = "") -> list[str]:
    """Why the reader's schema cannot read what the writer's wrote, with the place of each; empty: it can."""
    if isinstance(writer, list):
        return [p for branch in writer for p in problems(branch, reader, at)]
    if isinstance(reader, list):
        tried = [problems(writer, branch, at) for branch in reader]
        return (
            [] if any(not each for each in tried) else [f"{at}: no branch of the reader's union takes {_kind(writer)}"]
        )
    kind, other = _kind(writer), _kind(reader)
    if kind != other:
        return [] if other in _PROMOTIONS.get(kind, ()) else [f"{at}: {kind} cannot be read as {other}"]
    match kind:
        case "record":
            return _record(writer, reader, at)
        case "enum":
            lost = set(writer["symbols"]) - set(reader["symbols"])
            return [f"{at}: the reader lacks {sorted(lost)}"] if lost and "default" not in reader else []
        case "array":
            return problems(writer["items"], reader["items"], f"{at}[]")
        case "map":
            return problems(writer["values"], reader["values"], f"{at}{{}}")
        case "fixed":
            return [] if writer["size"] == reader["size"] else [f"{at}: another size"]
    return []


def both_ways(one: Any, other: Any) -> list[str]:
    """Problems in either direction: FULL compatibility."""
    return [f"old to new: {p}" for p in problems(one, other)] + [f"new to old: {p}" for p in problems(other, one)]


def _kind(schema: Any) -> str:
    if isinstance(schema, dict):
        return _kind(schema["type"])
    return str(schema)


def _record(writer: Any, reader: Any, at: str) -> list[str]:
    if writer["name"] not in {reader["name"], *reader.get("aliases", ())}:
        return [f"{at}: record {writer['name']} cannot be read as {reader['name']}"]
    written = {field["name"]: field for field in writer["fields"]}
    found = []
    for field in reader["fields"]:
        here = f"{at}.{field['name']}" if at else field["name"]
        names = [name for name in (field["name"], *field.get("aliases", ())) if name in written]
        if names:
            found += problems(written[names[0]]["type"], field["type"], here)
        elif "default" not in field:
            found.append(f"{here}: the writer has no such field, and the reader has no default")
    return found
