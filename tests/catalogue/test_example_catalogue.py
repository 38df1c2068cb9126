import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

import ops
from connectors.catalogue.load import example, load
from connectors.channels.sms_segments import segments
from streams.domain.catalogue import Catalogue
from streams.domain.notification import Channel, Notification, Priority
from streams.domain.rendering import Renderer, RenderingFailed, values

FOLDER = Path(str(ops.__file__)).parent / "catalogue"
OPTIONAL: dict[str, set[str]] = {
    "login.code": set(),
    "newsletter.weekly": set(),
    "order.delayed": {"planned_on"},
    "order.shipped": {"tracking_number"},
    "password.reset": {"first_name", "asked_from"},
}
TYPES = tuple(OPTIONAL)
VOID = {"meta", "br", "img", "hr"}


class Balanced(HTMLParser):
    """Notes what is opened and never closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load(FOLDER)


def mail(catalogue: Catalogue, kind: str, data: str) -> dict[str, str]:
    told = Notification("n-1", "r-1", kind, Priority.NORMAL, 1_795_000_000_000, data=data)
    return dict(Renderer(catalogue).render(kind, Channel.EMAIL, values(told, "en")))


def test_the_example_catalogue_has_the_types_the_readme_shows(catalogue: Catalogue) -> None:
    assert tuple(catalogue.types) == TYPES


def test_required_and_commercial_categories_are_marked(catalogue: Catalogue) -> None:
    assert catalogue.types["password.reset"].category.required
    assert catalogue.types["newsletter.weekly"].category.commercial
    assert catalogue.types["password.reset"].priority is Priority.HIGH
    assert catalogue.types["newsletter.weekly"].priority is Priority.LOW


def test_only_what_stands_alone_keeps_no_order(catalogue: Catalogue) -> None:
    assert [name for name, kind in catalogue.types.items() if not kind.ordered] == ["login.code"]


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_renders_with_its_example(catalogue: Catalogue, kind: str) -> None:
    data = example(FOLDER, kind)
    assert data is not None
    parts = mail(catalogue, kind, data)
    for part in parts.values():
        assert "{{" not in part
        assert "{%" not in part
    page = Balanced()
    page.feed(parts["html"])
    page.close()
    assert page.open == []
    assert page.links
    assert all(link.startswith("https://") for link in page.links)
    assert f"<title>{parts['subject']}</title>" in parts["html"]


@pytest.mark.parametrize("kind", TYPES)
def test_text_and_html_lead_to_the_same_places(catalogue: Catalogue, kind: str) -> None:
    parts = mail(catalogue, kind, example(FOLDER, kind) or "")
    page = Balanced()
    page.feed(parts["html"])
    assert all(link in parts["text"] for link in page.links)


@pytest.mark.parametrize("kind", TYPES)
def test_a_mail_with_any_needed_value_missing_does_not_go_out(catalogue: Catalogue, kind: str) -> None:
    data = json.loads(example(FOLDER, kind) or "")
    for key in data:
        rest = json.dumps({name: value for name, value in data.items() if name != key})
        if key in OPTIONAL[kind]:
            mail(catalogue, kind, rest)
        else:
            with pytest.raises(RenderingFailed, match=f"{key} is undefined"):
                mail(catalogue, kind, rest)


def test_a_phone_gets_the_examples_in_one_segment(catalogue: Catalogue) -> None:
    spoken = [name for name, kind in catalogue.types.items() if Channel.SMS in kind.templates]
    assert spoken == ["login.code", "order.shipped", "password.reset"]
    for kind in spoken:
        told = Notification("n-1", "amina", kind, Priority.NORMAL, 0, data=example(FOLDER, kind) or "")
        text = Renderer(catalogue).render(kind, Channel.SMS, values(told, "en"))["text"]
        assert segments(text).count == 1, text
        assert Channel.SMS not in catalogue.types[kind].channels, "only when a notification names the channel"
