"""A catalogue from its folder: all of it, or an error that names every problem.

categories.toml                   [shipping]  title = "Orders and deliveries", required = false, commercial = false
layouts/email.html.liquid         the frame of every e-mail: {{ content }} and {{ subject }} (optional)
order.shipped/type.toml           title, category, channels; priority = "normal", on_ambiguous = "resend",
                                  ordered = true
order.shipped/email.subject.liquid, email.html.liquid, email.text.liquid
order.shipped/example.json        data to try the templates with (optional)
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from connectors.catalogue.problems import CatalogueError, Problems
from connectors.catalogue.tables import read_categories, read_type
from streams.domain.catalogue import Catalogue, Category, NotificationType, Template
from streams.domain.notification import Channel
from streams.domain.rendering import HTML_PARTS, LAYOUT, PARTS
from streams.domain.template_language import WrongTemplate, compile_template

CATEGORIES = "categories.toml"
LAYOUTS = "layouts"
TYPE = "type.toml"
EXAMPLE = "example.json"
_SUFFIX = ".liquid"
_NOTES = "README.md"


def load(folder: Path) -> Catalogue:
    """The catalogue in this folder. Raises CatalogueError with all problems at once."""
    if not folder.is_dir():
        raise CatalogueError(folder, ["there is no such folder"])
    problems = Problems()
    files = _read(folder, problems)
    categories = read_categories(CATEGORIES, files.get(CATEGORIES), problems)
    layouts = _layouts(files, problems)
    names = sorted({name.split("/")[0] for name in files if "/" in name} - {LAYOUTS})
    types = [kind for name in names if (kind := _type(name, files, categories, layouts, problems)) is not None]
    if not names:
        problems.add(TYPE, f"there is no type: make a folder named as the type, such as order.shipped, with a {TYPE}")
    if problems.found:
        raise CatalogueError(folder, problems.found)
    return Catalogue(version_of(files), {kind.name: kind for kind in types})


def example(folder: Path, kind: str) -> str | None:
    """The data of a type's example as JSON text, or None."""
    path = folder / kind / EXAMPLE
    return path.read_text("utf-8") if path.is_file() else None


def _read(folder: Path, problems: Problems) -> dict[str, str]:
    """All that counts, by its name relative to the folder, with `/` on every system."""
    files = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        hidden = any(part.startswith((".", "__")) for part in relative.parts)
        if hidden or not path.is_file() or path.name in (_NOTES, EXAMPLE):
            continue
        name = relative.as_posix()
        if len(relative.parts) > 2 or (len(relative.parts) == 1 and name != CATEGORIES):
            problems.add(name, f"nothing is read here: a catalogue has {CATEGORIES} and a folder for each type")
            continue
        try:
            files[name] = path.read_text("utf-8")
        except UnicodeDecodeError:
            problems.add(name, "not UTF-8: save it as UTF-8")
    return files


def version_of(files: Mapping[str, str]) -> str:
    """The same names and contents have the same version; anything else has another."""
    digest = hashlib.sha256()
    for name, text in sorted(files.items()):
        for each in (name.encode(), text.encode()):
            digest.update(len(each).to_bytes(8, "big") + each)
    return digest.hexdigest()[:16]


def _layouts(files: Mapping[str, str], problems: Problems) -> dict[Channel, str]:
    known = {f"{LAYOUTS}/{channel}.html{_SUFFIX}": channel for channel, parts in PARTS.items() if "html" in parts}
    layouts = {}
    for name, text in files.items():
        if not name.startswith(f"{LAYOUTS}/"):
            continue
        if name not in known:
            problems.add(name, f"unknown layout: there can be {', '.join(known)}")
        elif _compiles(name, text, LAYOUT, problems):
            layouts[known[name]] = text
    return layouts


def _type(
    name: str,
    files: Mapping[str, str],
    categories: Mapping[str, Category],
    layouts: Mapping[Channel, str],
    problems: Problems,
) -> NotificationType | None:
    head = read_type(name, f"{name}/{TYPE}", files.get(f"{name}/{TYPE}"), categories, problems)
    sources = {file.partition("/")[2]: text for file, text in files.items() if file.startswith(f"{name}/")}
    templates = {}
    for channel, parts in PARTS.items():
        given = {part: sources.pop(f"{channel}.{part}{_SUFFIX}", None) for part in parts}
        found = {part: text for part, text in given.items() if text is not None}
        if parts and (found or (head is not None and channel in head.channels)):
            templates[channel] = _template(name, channel, found, layouts, problems)
    for left in sources.keys() - {TYPE}:
        problems.add(f"{name}/{left}", f"nothing is read here: a type has {TYPE}, {EXAMPLE} and {_template_names()}")
    if head is None:
        return None
    return NotificationType(**head.fields(), templates=templates)


def _template(
    name: str, channel: Channel, found: dict[str, str], layouts: Mapping[Channel, str], problems: Problems
) -> Template:
    for part in PARTS[channel]:
        file = f"{name}/{channel}.{part}{_SUFFIX}"
        if part not in found:
            problems.add(file, f"missing: {channel} needs {', '.join(PARTS[channel])}")
        else:
            _compiles(file, found[part], part, problems)
    if channel in layouts:
        return Template({**found, LAYOUT: layouts[channel]})
    return Template(found)


def _compiles(file: str, text: str, part: str, problems: Problems) -> bool:
    try:
        compiled = compile_template(text, html=part in HTML_PARTS)
    except WrongTemplate as error:
        problems.add(file, str(error))
        return False
    if part == LAYOUT and "content" not in compiled.variables():
        problems.add(file, "{{ content }} is missing: it says where the words of the type go")
        return False
    return True


def _template_names() -> str:
    return ", ".join(f"{channel}.{part}{_SUFFIX}" for channel, parts in PARTS.items() for part in parts)
