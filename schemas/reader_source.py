"""Writes the source of a reader (schemas/reader.py): a straight line of Python for one schema."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from schemas.picks import Decoded, End, Number, Pick, Raw, Rest, Text


def source_of(schema: Mapping[str, Any], *picks: Pick) -> str:
    """The source of `read(data, at)`. Raises ValueError for a type that no reader knows."""
    return _Writer(picks).function(schema)


class _Writer:
    """Writes one reader. `at` is where the next byte is; it only rises, so one look at the end finds every overrun."""

    def __init__(self, picks: tuple[Pick, ...]) -> None:
        self._picks = picks
        self._names = {pick: f"pick_{number}" for number, pick in enumerate(picks)}
        self._lines: list[str] = []
        self._depth = 0
        self._known: dict[str, Any] = {}  # named types by name
        self._namespace = ""

    def function(self, schema: Mapping[str, Any]) -> str:
        fields = list(schema["fields"])
        self._namespace = str(schema.get("namespace", ""))
        rest = next((pick for pick in self._picks if isinstance(pick, Rest)), None)
        with self._block("def read(data, at):"):
            if rest:
                place = [field["name"] for field in fields].index(rest.after)
                self._fields(fields[: place + 1])
                self._line("if at > len(data): raise wrong_end(data, at)")
                self._line(f"{self._names[rest]} = data[at:]")
            else:
                self._fields(fields)
                self._line("if at != len(data): raise wrong_end(data, at)")
            self._line(f"return ({''.join(f'{self._names[pick]}, ' for pick in self._picks)})")
        return "\n".join(self._lines) + "\n"

    def _line(self, text: str) -> None:
        self._lines.append("    " * self._depth + text)

    @contextmanager
    def _block(self, head: str) -> Iterator[None]:
        self._line(head)
        self._depth += 1
        yield
        self._depth -= 1

    def _fields(self, fields: list[Any]) -> None:
        while fields:
            zeros = 0
            while zeros < len(fields) and _may_be_zero(fields[zeros]["type"]):
                zeros += 1
            if zeros > 1:
                self._mostly_empty(fields[:zeros])
            else:
                self._field(fields[0])
            del fields[: max(zeros, 1)]

    def _mostly_empty(self, fields: list[Any]) -> None:
        """Fields of which each is one zero byte when it is not given: one comparison for all of them."""
        with self._block(f"if data[at:at + {len(fields)}] == {bytes(len(fields))!r}:"):
            for place, field in enumerate(fields):
                self._picks_of_empty(field, [each["name"] for each in fields[: place + 1]])
            self._line(f"at += {len(fields)}")
        with self._block("else:"):
            for field in fields:
                self._field(field)

    def _picks_of_empty(self, field: Mapping[str, Any], so_far: list[str]) -> None:
        for pick, name in self._names.items():
            match pick:
                case Number(of) | Decoded(of) if of == field["name"]:
                    self._line(f"{name} = {_nothing(field['type'])}")
                case End(of) if of == field["name"]:
                    self._line(f"{name} = at + {len(so_far)}")
                case Raw(first, last) if last == field["name"]:
                    self._line(f"{name} = {bytes(len(so_far) - so_far.index(first))!r}")

    def _field(self, field: Mapping[str, Any]) -> None:
        picked = {type(pick): name for pick, name in self._names.items() if getattr(pick, "field", "") == field["name"]}
        for pick, name in self._names.items():
            if isinstance(pick, Raw) and pick.first == field["name"]:
                self._line(f"start_of_{name} = at")
        into = picked.get(Text) or picked.get(Number) or picked.get(Decoded)
        self._value(field["type"], into, as_bytes=Text in picked)
        if End in picked:
            self._line(f"{picked[End]} = at")
        for pick, name in self._names.items():
            if isinstance(pick, Raw) and pick.last == field["name"]:
                self._line(f"{name} = data[start_of_{name}:at]")

    def _value(self, schema: Any, into: str | None = None, as_bytes: bool = False) -> None:
        """Walks one value; `into`: the name that gets it, a text `as_bytes` or as str."""
        match schema:
            case list():
                self._union(schema, into)
            case {"type": "array", "items": items}:
                self._blocks(into, items)
                if self._takes_no_bytes(items):  # a few bytes could say that there are 2**62 of them
                    raise ValueError("no reader for an array of what takes no bytes: null, a record without fields")
            case {"type": "map", "values": values}:
                self._blocks(into, "string", values)
            case {"type": ("record" | "enum" | "fixed") as kind, "name": name}:
                around, self._namespace = self._namespace, str(schema.get("namespace", self._namespace))
                self._known[name] = self._known[f"{self._namespace}.{name}"] = schema
                self._named(kind, schema, into)
                self._namespace = around
            case {"type": inner}:
                self._value(inner, into, as_bytes)
            case str() if schema in self._known:
                self._value(self._known[schema], into)
            case "string" | "bytes":
                self._sized(schema == "string", into, as_bytes)
            case "int" | "long":
                self._long(into)
            case _:
                self._of_one_size(schema, into)

    def _takes_no_bytes(self, schema: Any) -> bool:
        match schema:
            case {"type": "record", "fields": fields}:
                return all(self._takes_no_bytes(field["type"]) for field in fields)
            case {"type": "fixed", "size": size}:
                return int(size) == 0
            case {"type": inner}:
                return self._takes_no_bytes(inner)
            case str() if schema in self._known:
                return self._takes_no_bytes(self._known[schema])
        return bool(schema == "null")

    def _of_one_size(self, schema: Any, into: str | None) -> None:
        if into and schema == "double":
            self._line(f"{into} = double(data, at)")
        elif into:
            raise ValueError(f"no reader picks values of the type {schema!r}")
        match schema:
            case "null":
                self._line("pass")
            case "float" | "double":
                self._line(f"at += {4 if schema == 'float' else 8}")
            case "boolean":
                self._index(2, "a boolean that is neither 0 nor 1", step=1)
            case _:
                raise ValueError(f"no reader for the type {schema!r}")

    def _named(self, kind: str, schema: Mapping[str, Any], into: str | None) -> None:
        if into and kind != "record":
            raise ValueError(f"no reader picks values of the type {schema['name']}")
        if into:
            self._record(schema["fields"], into)
        elif kind == "record":
            self._line("pass")  # it may have no fields
            self._fields(list(schema["fields"]))
        elif kind == "enum":
            self._index(len(schema["symbols"]), f"not one of the {len(schema['symbols'])} symbols of {schema['name']}")
        else:
            self._line(f"at += {int(schema['size'])}")

    def _record(self, fields: list[Any], into: str) -> None:
        """As a dict. Names of fields are only literals in the source."""
        for place, field in enumerate(fields):
            self._value(field["type"], f"{into}_{place}")
        pairs = ", ".join(f"{field['name']!r}: {into}_{place}" for place, field in enumerate(fields))
        self._line(f"{into} = {{{pairs}}}")

    def _sized(self, is_text: bool, into: str | None, as_bytes: bool) -> None:
        name = into or "found"
        self._line("end = at + steps[data[at]]")
        self._line("at += 1")
        with self._block("if end < at:"):  # of more than 63 bytes, or wrong
            with self._block("if not data[at - 1] & 1 and data[at] < 128:"):
                self._line("end = at + 1 + ((data[at - 1] & 127 | data[at] << 7) >> 1)")
                self._line("at += 1")
            with self._block("else:"):
                self._line("size, at = length(data, at - 1)")
                self._line("end = at + size")
        if is_text and into and not as_bytes:
            self._line(f"{name} = data[at:end].decode()")
            self._line("at = end")
            return
        self._line(f"{name} = data[at:end]")
        self._line("at = end")
        if is_text:
            with self._block(f"if not {name}.isascii():"):
                self._line(f"{name}.decode()")

    def _long(self, number: str | None) -> None:
        with self._block("if data[at] < 128:"):
            if number:
                self._line(f"{number} = data[at] >> 1 ^ -(data[at] & 1)")
            self._line("at += 1")
        more = " and ".join(f"data[at + {n}] > 127" for n in range(1, 5))
        with self._block(f"elif {more} and data[at + 5] < 128:"):  # a time in milliseconds
            if number:
                self._line(f"{number} = {' | '.join(f'(data[at + {n}] & 127) << {7 * n}' for n in range(6))}")
                self._line(f"{number} = {number} >> 1 ^ -({number} & 1)")
            self._line("at += 6")
        with self._block("else:"):
            self._line(f"{number}, at = long(data, at)" if number else "at = end_of_long(data, at)")

    def _union(self, branches: list[Any], into: str | None) -> None:
        """One byte says which branch it is (null is the first of nearly all)."""
        if len(branches) > 64:
            raise ValueError(f"no reader for a union of {len(branches)} branches: at most 64")
        if into:
            self._line(f"{into} = None")
        for place, branch in enumerate(branches):
            with self._block(f"{'elif' if place else 'if'} data[at] == {2 * place}:"):
                self._line("at += 1")
                if branch != "null":
                    self._value(branch, into)
        with self._block("else:"):
            self._line(f"raise ValueError('not one of the {len(branches)} branches of a union')")

    def _index(self, values: int, fault: str, step: int = 2) -> None:
        """One byte that says which of a few it is; written as a varint, so in steps of two."""
        if values * step > 128:
            raise ValueError(f"no reader for an enum of {values} symbols: at most 64")
        self._line("index = data[at]")
        odd = " or index & 1" if step == 2 else ""
        with self._block(f"if index > {(values - 1) * step}{odd}:"):
            self._line(f"raise ValueError({fault!r})")
        self._line("at += 1")

    def _blocks(self, into: str | None, *item: Any) -> None:
        """An array of items, or a map of keys and values."""
        items = f"items_{self._depth}"  # blocks lie in one another
        parts = [f"part_{self._depth}_{place}" if into else None for place in range(len(item))]
        if into:
            self._line(f"{into} = {'{}' if len(item) > 1 else '[]'}")
        self._count(items)
        with self._block(f"while {items}:"):
            with self._block(f"for _ in range({items}):"):
                for each, part in zip(item, parts, strict=True):
                    self._value(each, part)
                if into:
                    self._line(f"{into}[{parts[0]}] = {parts[1]}" if len(item) > 1 else f"{into}.append({parts[0]})")
            self._count(items)

    def _count(self, items: str) -> None:
        self._line(f"{items} = counts[data[at]]")
        self._line("at += 1")
        with self._block(f"if {items} < 0:"):
            self._line(f"{items}, at = count(data, at - 1)")


def _nothing(schema: Any) -> str:
    """What a single zero byte is read as."""
    if isinstance(schema, list):
        return "None"
    return "[]" if schema["type"] == "array" else "{}"


def _may_be_zero(schema: Any) -> bool:
    """Whether a single zero byte is the value that says nothing: null of a union, an empty array or map."""
    if isinstance(schema, list):
        return bool(schema[0] == "null")
    return isinstance(schema, dict) and schema["type"] in ("array", "map")
