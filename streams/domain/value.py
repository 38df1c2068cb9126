"""Values that are made by the thousand: frozen dataclasses with slots, made in a third of the time.

The `__init__` of a frozen dataclass sets each field by its name, past its own refusal. This one sets them like any
attribute: while it runs, the value is of an open twin of its class.
"""

import linecache
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

V = TypeVar("V")
_become = vars(object)["__class__"].__set__


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(kind: type[V]) -> type[V]:
    """`@dataclass(frozen=True, slots=True)`. Raises TypeError for a class that is more than its own fields."""
    if kind.__bases__ != (object,) or hasattr(kind, "__post_init__"):
        raise TypeError(f"{kind.__name__} is more than its own fields")
    made = dataclass(frozen=True, slots=True, init=False)(kind)
    known: dict[str, Any] = {"kind": made, "become": _become, "missing": MISSING, "twin": object, "self": object}
    names = [each.name for each in fields(made)]  # type: ignore[arg-type]
    if taken := known.keys() & {*names}:
        raise TypeError(f"{kind.__name__} has a field {taken.pop()}, which is a word of its __init__")
    known["twin"] = type(kind.__name__, (), {"__slots__": names})
    given = [_parameter(each, known) for each in fields(made)]  # type: ignore[arg-type]
    lines = [f"def __init__(self, {', '.join(given)}):", "    become(self, twin)"]
    lines += [f"    self.{name} = make_{name}() if {name} is missing else {name}" if f"make_{name}" in known
              else f"    self.{name} = {name}" for name in names]  # fmt: skip
    source = "\n".join([*lines, "    self.__class__ = kind"]) + "\n"
    file = f"<value {kind.__name__}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)  # so that a traceback shows the line
    exec(compile(source, file, "exec"), known)  # noqa: S102 (field names are identifiers)
    setattr(made, "__init__", known["__init__"])  # noqa: B010
    return made


def _parameter(of: Field[Any], known: dict[str, Any]) -> str:
    """As it stands in the head of `__init__`; what it is if it is not given becomes `known`."""
    if of.default_factory is not MISSING:
        known[f"make_{of.name}"] = of.default_factory
        return f"{of.name}=missing"
    if of.default is not MISSING:
        known[f"default_{of.name}"] = of.default
        return f"{of.name}=default_{of.name}"
    return of.name
