"""The reference page at /docs: made of the OpenAPI description, without a script or any file from elsewhere."""

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from connectors.http.problems import KINDS
from connectors.http.reference_fields import fields, resolved, words

BASE = "@BASE@"
_MAX_LINE = 72
_STYLE = Path(__file__).with_name("reference.css").read_text()
_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title HTTP API</title>
<style>$style</style>
</head>
<body>
<nav><h1>$title</h1><p class="version">HTTP API $version</p>$contents</nav>
<main>
<h2 id="start">Start here</h2>
<p>$description</p>
<p>Every path below <code>/v1</code> needs a key. Make one with <code>tidings keys create</code> and send it as
<code>Authorization: Bearer KEY</code> or <code>X-API-Key: KEY</code>. Bodies and answers are JSON; times are RFC 3339
in UTC. The machine-readable description is <a href="/openapi.json"><code>/openapi.json</code></a> (OpenAPI 3.1).</p>
<p>Every error is a problem document (RFC 9457, <code>application/problem+json</code>) with <code>type</code>,
<code>title</code>, <code>status</code>, <code>detail</code>, and for what can be mended in the request
<code>errors</code>: a list of <code>field</code> and <code>detail</code>.
<a href="#problems">All kinds of problem.</a></p>
<pre><code>export TIDINGS_KEY=...
$first</code></pre>
$sections
<h2 id="problems">Problems</h2>
<table>$problems</table>
</main>
</body>
</html>
""")

Operation = tuple[str, str, dict[str, Any]]


def reference_page(schema: dict[str, Any]) -> str:
    """HTML; `@BASE@` stands where the address of the API belongs."""
    by_tag: dict[str, list[Operation]] = {}
    for path, operations in sorted(schema["paths"].items()):
        for method, operation in operations.items():
            by_tag.setdefault(operation["tags"][0], []).append((method, path, operation))
    tags = {tag: by_tag[tag] for tag in dict.fromkeys(_tags(schema))}
    first = next(iter(tags.values()))[0]
    return _PAGE.substitute(
        title=escape(schema["info"]["title"]),
        version=escape(schema["info"]["version"]),
        description=words(schema["info"]["description"]),
        style=_STYLE,
        contents="".join(_contents(tag, operations) for tag, operations in tags.items()),
        sections="".join(_section(tag, operations, schema) for tag, operations in tags.items()),
        first=_curl(*first, schema),
        problems="".join(_problems()),
    )


def _tags(schema: dict[str, Any]) -> Iterator[str]:
    """In the order in which the routes were declared."""
    for operations in schema["paths"].values():
        for operation in operations.values():
            yield operation["tags"][0]


def _contents(tag: str, operations: list[Operation]) -> str:
    links = "".join(
        f'<li><a href="#{_anchor(method, path)}">{escape(operation["summary"])}</a></li>'
        for method, path, operation in operations
    )
    return f"<h2>{escape(tag)}</h2><ul>{links}</ul>"


def _section(tag: str, operations: list[Operation], schema: dict[str, Any]) -> str:
    articles = "".join(_article(*each, schema) for each in operations)
    return f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>{articles}'


def _article(method: str, path: str, operation: dict[str, Any], schema: dict[str, Any]) -> str:
    body = _body(operation, schema)
    parts = [
        f'<article id="{_anchor(method, path)}"><h3>{escape(operation["summary"])}</h3>',
        f'<div class="call"><span class="method {method}">{method.upper()}</span><code>{escape(path)}</code></div>',
        "".join(f"<p>{words(text)}</p>" for text in operation.get("description", "").split("\n\n") if text),
        f"<pre><code>{_curl(method, path, operation, schema)}</code></pre>",
        _parameters(operation.get("parameters", []), schema),
        f"<h4>Body</h4><table>{fields(body, schema)}</table>" if body else "",
        "<h4>Answers</h4>",
        *(_answer(status, answer, schema) for status, answer in operation["responses"].items()),
        "</article>",
    ]
    return "".join(parts)


def _parameters(parameters: list[dict[str, Any]], schema: dict[str, Any]) -> str:
    if not parameters:
        return ""
    properties = {each["name"]: {**each["schema"], "description": each.get("description", "")} for each in parameters}
    needed = [each["name"] for each in parameters if each.get("required")]
    return f"<h4>Parameters</h4><table>{fields({'properties': properties, 'required': needed}, schema)}</table>"


def _answer(status: str, answer: dict[str, Any], schema: dict[str, Any]) -> str:
    told = f'<span class="status {"good" if status < "400" else "bad"}">{status}</span> {words(answer["description"])}'
    content: dict[str, Any] = next(iter(answer.get("content", {}).values()), {})
    model = resolved(content.get("schema", {}), schema)
    if status >= "400" or not model.get("properties"):
        return f'<div class="plain">{told}</div>'
    text = f"<p>{words(model['description'])}</p>" if model.get("description") else ""
    return f"<details><summary>{told}</summary>{text}<table>{fields(model, schema)}</table></details>"


def _body(operation: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return resolved(content.get("schema", {}), schema)


def _curl(method: str, path: str, operation: dict[str, Any], schema: dict[str, Any]) -> str:
    """A call that works as it stands, save for the id it names."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            example = next(iter(parameter["schema"].get("examples", ["ID"])), "ID")
            path = path.replace(f"{{{parameter['name']}}}", str(example))
    lines = [f"curl {'' if method == 'get' else f'-X {method.upper()} '}{BASE}{path}"]
    if operation["security"]:
        lines.append('-H "Authorization: Bearer $TIDINGS_KEY"')
    example = next(iter(_body(operation, schema).get("examples", [])), None)
    if example is not None:
        body = json.dumps(example) if len(json.dumps(example)) < _MAX_LINE else json.dumps(example, indent=2)
        lines += ['-H "Content-Type: application/json"', f"-d '{body}'"]
    return escape(" \\\n  ".join(lines), quote=False)


def _problems() -> Iterator[str]:
    for kind in KINDS:
        yield (
            f'<tr id="problem-{kind.name}"><td><span class="status bad">{kind.status}</span> <code>{kind.name}</code>'
            f"</td><td>{words(kind.title)}. {words(kind.remedy)}</td></tr>"
        )


def _anchor(*words_of_it: str) -> str:
    return "-".join("".join(c if c.isalnum() else "-" for c in word).strip("-").lower() for word in words_of_it)
