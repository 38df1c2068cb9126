"""What a template's program says is what Liquid says, and where it says nothing Liquid is asked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquid import Markup

from streams.domain.template_language import OUTPUT_BYTES, CompiledTemplate, WrongTemplate, compile_template
from streams.domain.template_program import Unusual

CATALOGUE = Path(__file__).parents[2] / "ops" / "catalogue"

_NAMES = ("a", "b", "item", "order", "list")
_paths = st.builds(
    lambda head, rest: ".".join([head, *rest]), st.sampled_from(_NAMES), st.lists(st.sampled_from(_NAMES), max_size=2)
)
_texts = st.sampled_from(["", " ", "\n", "text", "<b>", "{% comment %}no{% endcomment %}", "ü"])
_filters = st.sampled_from(["", "", "", " | default: 'x<'", " | upcase", " | size", " | date: '%Y'", " | append: '&'"])
_outputs = st.builds("{{{{ {}{} }}}}".format, _paths, _filters)
_odd = st.sampled_from(
    ["{% assign a = 1 %}", "{% break %}", "{{ forloop.index }}", "{{ list.size }}", "{{ list[0] }}", "{{ 'text' }}"]
)


def _blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = st.sampled_from(_NAMES)
    either = "{{% if {} %}}{}{{% elsif {} %}}{}{{% else %}}{}{{% endif %}}".format
    return st.one_of(
        st.builds(either, _paths, inner, _paths, inner, inner),
        st.builds("{{% unless {} %}}{}{{% endunless %}}".format, _paths, inner),
        st.builds("{{% for {} in {} %}}{}{{% else %}}{}{{% endfor %}}".format, names, _paths, inner, inner),
        st.builds("{{% for {} in {} limit: 1 %}}{}{{% endfor %}}".format, names, _paths, inner),
        st.builds("{}{}".format, inner, inner),
    )  # fmt: skip


_templates = st.recursive(st.one_of(_texts, _outputs, _outputs, _texts, _odd), _blocks, max_leaves=12)
_leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=False), st.sampled_from(["", "2026-11-05", "<&>"])
)
_values = st.dictionaries(
    st.sampled_from(_NAMES),
    st.recursive(
        _leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=3),
        max_leaves=8,
    ),
)


def outcome(render: Any, values: Mapping[str, object]) -> str:
    """The text, or what is said instead."""
    try:
        return str(render(values))
    except WrongTemplate as error:
        return f"WrongTemplate: {error}"


@settings(max_examples=600)
@given(_templates, _values, st.booleans())
def test_a_rendering_is_that_of_liquid_whatever_the_template_and_the_values(
    source: str, values: dict[str, object], html: bool
) -> None:
    template = compile_template(source, html)
    assert outcome(template.render, values) == outcome(template.render_by_liquid, values)


FAST = [
    "Hello {{ name }}, {{ order.id }}",
    "{% for item in items %}{{ item.name }}{% else %}none{% endfor %}",
    "{% if tracking %}{{ tracking }}{% elsif name %}-{% else %}none{% endif %}",
    "{% unless missing %}{% for item in items %} {% endfor %}{% endunless %}",
    "{{ missing | default: 'you' }}{{ order.missing | default: 'you' }}",
    "{{ day | date: '%Y' }}",
    "{{ zero }}{% if zero %}zero counts{% endif %}{% if hollow %}so does nothing{% endif %}",
    "{{ yes }}{{ number }}{{ price }}",
    "{% for a in items %}{% for b in items %}{{ a.name }}{{ b.name }}{% endfor %}{% endfor %}",
]
VALUES: dict[str, object] = {
    "name": "<Ada>", "order": {"id": "A-1"}, "items": [{"name": "a&b"}, {"name": "'"}], "tracking": "T",
    "day": "2026-11-05", "zero": 0, "hollow": "", "yes": True, "number": 7, "price": 9.5, "content": Markup("<p>"),
}  # fmt: skip


def fast(source: str, html: bool) -> CompiledTemplate:
    """A template that has no Liquid to ask."""
    compiled = compile_template(source, html)
    assert compiled.program is not None, source
    return compiled


@pytest.mark.parametrize("html", [True, False])
@pytest.mark.parametrize("source", [*FAST, "{{ content }}"])
def test_what_most_templates_are_made_of_needs_no_liquid(source: str, html: bool) -> None:
    compiled = fast(source, html)
    assert compiled.program is not None
    assert compiled.program(VALUES) == compiled.render_by_liquid(VALUES)


@pytest.mark.parametrize(
    "path", sorted(CATALOGUE.rglob("*.liquid")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_the_templates_of_the_example_catalogue_need_no_liquid(path: Path) -> None:
    assert compile_template(path.read_text("utf-8"), "html" in path.name).program is not None


def test_a_program_stops_before_it_says_too_much() -> None:
    source = "{% for a in items %}{% for b in items %}{{ long }}{% endfor %}{% endfor %}"
    values = {"items": [0] * 90, "long": "x" * (OUTPUT_BYTES // 100)}
    template = fast(source, html=False)
    assert template.program is not None
    with pytest.raises(Unusual):
        template.program(values)
    assert "larger than" in outcome(template.render, values)


def test_a_program_makes_no_more_turns_than_liquid() -> None:
    source = "{% for a in items %}{% for b in items %}{% endfor %}{% endfor %}"
    assert "turns" in outcome(fast(source, html=True).render, {"items": [0] * 101})
    assert outcome(fast(source, html=True).render, {"items": [0] * 100}) == ""


def test_nothing_of_a_template_is_run_as_python() -> None:
    source = "{{ x }}\"\"\"'''\\\n) + __import__('os').abort() #{% if y %}'{% endif %}"
    assert fast(source, html=False).render({"x": "1"}) == source.replace("{{ x }}", "1").replace(
        "{% if y %}'{% endif %}", ""
    )


def test_loops_nested_deeper_than_python_can_are_left_to_liquid() -> None:
    template = compile_template("{% for a in items %}" * 25 + "{{ x }}" + "{% endfor %}" * 25, html=True)
    assert template.program is None
    assert template.render({"items": [1], "x": "1"}) == "1"
