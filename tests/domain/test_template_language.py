import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.template_language import OUTPUT_BYTES, WrongTemplate, compile_template

VALUES = {
    "name": "Ada",
    "null": None,
    "order": {"id": "A-1", "nothing": None},
    "markup": "<script>alert(1)</script>",
    "day": "2026-11-05",
    "moment": "2026-11-05T10:15:00Z",
    "many": 10_000_000,
    "secret": "CANARY",
    "items": [{"name": "a"}, {"name": "b"}],
    "partial": "theirs",
}


def rendered(source: str, html: bool = False) -> str:
    return compile_template(source, html).render(VALUES)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hello {{ name }}", "Hello Ada"),
        ("{{ order.id }}", "A-1"),
        ("{% for item in items %}{{ item.name }},{% endfor %}", "a,b,"),
        ("{% if missing %}yes{% else %}no{% endif %}", "no"),
        ("{% if order.missing %}yes{% else %}no{% endif %}", "no"),
        ("{% unless null %}none{% endunless %}", "none"),
        ("{{ missing | default: 'you' }}", "you"),
        ("{{ null | default: 'you' }}", "you"),
        ("{{ order.missing | default: 'you' }}", "you"),
        ("{{ day | date: '%A, %-d %B %Y' }}", "Thursday, 5 November 2026"),
        ("{{ moment | date: '%H:%M' }}", "10:15"),
        ("{{ partial }}", "theirs"),
        ("{% assign n = 2 | times: 3 %}{{ n }}", "6"),
    ],
)
def test_a_template_says_what_it_should(source: str, text: str) -> None:
    assert rendered(source) == text


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ missing }}", "missing is undefined"),
        ("{{ order.missing.deep }}", "order.missing.deep is undefined"),
        ("{{ missing | upcase }}", "missing is undefined"),
        ("{{ missing | plus: 1 }}", "missing is undefined"),
        ("{{ 1 | plus: missing }}", "missing is undefined"),
        ("{{ missing | date: '%Y' }}", "missing is undefined"),
        ("{% for item in missing %}{% endfor %}", "missing is undefined"),
        ("{% assign a = missing %}{{ a }}", "missing is undefined"),
        ("{% echo missing %}", "missing is undefined"),
        ("{{ null }}", "`{{ null }}` is null"),
        ("{% echo null %}", "is null"),
        ("{{ order.nothing | append: 'x' }}", "is null"),
        ("{{ items | find: 'name', 'c' }}", "is null"),
        ("{{ order }}", "is an object, not a text"),
        ("{{ now }}", "now is undefined"),
        ("{{ today }}", "today is undefined"),
        ("{{ 'now' | date: '%Y' }}", "does not fit its value"),
        ("{{ name | date: '%Y' }}", "does not fit its value"),
        ("{{ 1 | divided_by: 0 }}", "does not fit its value"),
        ("{% break %}", "outside a loop"),
    ],
)
def test_a_hole_fails_the_rendering(source: str, said: str) -> None:
    with pytest.raises(WrongTemplate, match=r"^line 2: ") as failed:
        rendered("\n" + source)
    assert said in str(failed.value)


def test_every_filter_but_default_refuses_what_is_undefined() -> None:
    filters = compile_template("", html=True)._template.env.filters
    passed = []
    for name in filters.keys() - {"default"}:
        for source in (f"{{{{ missing | {name} }}}}", f"{{{{ missing | {name}: 'a' }}}}"):
            try:
                passed.append((name, rendered(source)))
            except WrongTemplate:
                continue
    assert len(filters) > 50
    assert passed == []


def test_every_filter_but_safe_escapes_what_it_prints() -> None:
    filters = compile_template("", html=True)._template.env.filters
    leaked = []
    for name in filters.keys() - {"safe"}:
        for argument in ("", ": 'a'", ": markup", ": 'a', markup"):
            try:
                if "<script" in rendered(f"{{{{ markup | {name}{argument} }}}}", html=True):
                    leaked.append(name)
            except WrongTemplate:
                continue
    assert leaked == []


def test_only_html_is_escaped() -> None:
    assert rendered("{{ markup }}", html=True) == "&lt;script&gt;alert(1)&lt;/script&gt;"
    assert rendered("{{ markup }}", html=False) == VALUES["markup"]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("{{ name", 1),
        ("\n{% if name %}", 2),
        ("\n\n{% nonsense %}", 3),
        ("{{ name | }}", 1),
        ("\n{{ name | nofilter }}", 2),
        ("\n{% include 'other' %}", 2),
        ("\n\n{% render 'other' %}", 3),
    ],
)
def test_a_mistake_is_found_when_it_is_compiled(source: str, line: int) -> None:
    with pytest.raises(WrongTemplate) as failed:
        compile_template(source, html=True)
    assert failed.value.line == line


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in (1..many) %}.{% endfor %}",
        "{% for i in (1..200) %}{% for j in (1..200) %}.{% endfor %}{% endfor %}",
        "{{ (1..many) | join }}",
        "{{ (1..many) | last }}",
        "{% for i in (1..9000) %}0123456789012345678901234567890123456789012345678901234567890123456789{% endfor %}",
        "{% assign a = markup %}{% for i in (1..99) %}{% assign a = a | append: a %}{% endfor %}",
    ],
)
def test_loops_and_output_are_bounded(source: str) -> None:
    with pytest.raises(WrongTemplate):
        rendered(source)


def test_output_is_bounded_in_bytes() -> None:
    template = compile_template("{{ text }}", html=False)
    for fits in ("x" * OUTPUT_BYTES, "é" * (OUTPUT_BYTES // 2)):
        assert template.render({"text": fits}) == fits
        with pytest.raises(WrongTemplate, match="larger than 512 kB"):
            template.render({"text": fits + "x"})


@pytest.mark.parametrize(
    "source",
    [
        "{{ order[secret] }}",
        "{{ name | slice: secret }}",
        "{{ secret | date: '%Y' }}",
        "{{ 'a' | divided_by: secret }}",
    ],
)
def test_an_error_never_repeats_a_value(source: str) -> None:
    with pytest.raises(WrongTemplate) as failed:
        rendered(source)
    assert "CANARY" not in str(failed.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(value=JSON)
def test_whatever_the_value_it_is_escaped_or_refused(value: object) -> None:
    template = compile_template("{{ v }}{% for each in v %}{{ each }}{% endfor %}{{ v | upcase }}{{ v.a }}", html=True)
    try:
        text = template.render({"v": value})
    except WrongTemplate:
        return
    assert "<" not in text
    assert ">" not in text
