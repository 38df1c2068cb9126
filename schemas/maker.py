"""Makes values of frozen dataclasses in half the time of their own `__init__`, which sets each field by its name."""

import linecache
from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

V = TypeVar("V")


def maker(kind: type[V]) -> Callable[..., V]:
    """make(*values): the same as kind(*values) with all its fields, in their order.

    Raises TypeError when `kind` is no dataclass with slots, or when its `__init__` does more than to set the fields.
    """
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # it raises TypeError
    if not all(hasattr(vars(kind).get(name), "__set__") for name in names) or hasattr(kind, "__post_init__"):
        raise TypeError(f"{kind.__name__} is no dataclass with slots and without more than its fields")
    lines = [f"def make({', '.join(names)}):", "    made = new(kind)"]
    lines += [f"    set_{name}(made, {name})" for name in names]
    source = "\n".join([*lines, "    return made"]) + "\n"
    file = f"<maker of {kind.__name__}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)  # so that a traceback shows the line
    known: dict[str, Any] = {f"set_{name}": vars(kind)[name].__set__ for name in names}
    known |= {"new": object.__new__, "kind": kind}
    exec(compile(source, file, "exec"), known)  # noqa: S102 (field names are identifiers)
    made: Callable[..., V] = known["make"]
    return made
