import shutil
from pathlib import Path

import pytest

from connectors.catalogue.load import example, load, version_of
from connectors.catalogue.problems import CatalogueError
from streams.domain.catalogue import Category, OnAmbiguous
from streams.domain.notification import Channel, Priority
from tests.catalogue.folders import FILES, write


def test_a_catalogue_is_read_as_it_stands_in_its_folder(tmp_path: Path) -> None:
    catalogue = load(write(tmp_path))
    kind = catalogue.types["order.shipped"]
    assert catalogue.types.keys() == {"order.shipped"}
    assert kind.category == Category("shipping", "Orders", required=False, commercial=False)
    assert (kind.title, kind.priority, kind.on_ambiguous) == ("On its way", Priority.NORMAL, OnAmbiguous.RESEND)
    assert kind.ordered
    assert kind.channels == (Channel.EMAIL, Channel.WEBHOOK)
    assert kind.templates.keys() == {Channel.EMAIL}
    assert kind.templates[Channel.EMAIL].parts == {
        "subject": "Order {{ order }}",
        "html": "<p>{{ order }}</p>",
        "text": "Order {{ order }}",
        "layout": "<body>{{ content }}</body>",
    }
    assert example(tmp_path, "order.shipped") == '{"order": 7}'
    assert example(tmp_path, "order.lost") is None


def test_every_key_of_a_type_is_used(tmp_path: Path) -> None:
    head = 'title = "t"\ncategory = "marketing"\nchannels = ["email"]\npriority = "low"\non_ambiguous = "hold"\n'
    head += "ordered = false\n"
    kind = load(write(tmp_path, **{"order.shipped/type.toml": head})).types["order.shipped"]
    assert (kind.priority, kind.on_ambiguous, kind.category.commercial) == (Priority.LOW, OnAmbiguous.HOLD, True)
    assert not kind.ordered


def test_a_type_for_webhooks_alone_needs_no_template(tmp_path: Path) -> None:
    gone = dict.fromkeys(f"order.shipped/email.{part}.liquid" for part in ("subject", "html", "text"))
    head = 'title = "t"\ncategory = "shipping"\nchannels = ["webhook"]\n'
    kind = load(write(tmp_path, **{**gone, "order.shipped/type.toml": head})).types["order.shipped"]
    assert kind.templates == {}


def test_without_a_layout_the_html_stands_alone(tmp_path: Path) -> None:
    kind = load(write(tmp_path, **{"layouts/email.html.liquid": None})).types["order.shipped"]
    assert "layout" not in kind.templates[Channel.EMAIL].parts


def test_the_same_files_have_the_same_version_wherever_they_are(tmp_path: Path) -> None:
    here, there = write(tmp_path / "here"), write(tmp_path / "there")
    (there / "README.md").write_text("notes do not count")
    (there / ".hidden").write_text("nor do hidden files")
    (there / "order.shipped" / "example.json").write_text("{}")
    assert load(here).version == load(there).version
    assert len(load(here).version) == 16


@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith("example.json")])
def test_a_change_in_any_file_changes_the_version(tmp_path: Path, name: str) -> None:
    here, there = write(tmp_path / "here"), write(tmp_path / "there", **{name: FILES[name] + "\n"})
    assert load(here).version != load(there).version


def test_names_and_contents_do_not_run_into_each_other_in_the_version() -> None:
    assert version_of({"a": "b", "c": "d"}) != version_of({"a": "bcd"})


TYPE = "order.shipped/type.toml"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"categories.toml": None}, "categories.toml: missing"),
        ({"categories.toml": "[shipping"}, "categories.toml: not TOML: "),
        ({"categories.toml": "shipping = 1"}, "categories.toml: shipping is no category: write [shipping]"),
        ({"categories.toml": "[shipping]"}, "categories.toml: [shipping] title is missing: write text in quotes"),
        (
            {"categories.toml": '[shipping]\ntitle = "x"\nrequird = true'},
            "categories.toml: [shipping] requird is unknown: did you mean required?",
        ),
        (
            {"categories.toml": '[shipping]\ntitle = "x"\nrequired = "yes"'},
            "categories.toml: [shipping] required is 'yes': write true or false",
        ),
        (
            {"categories.toml": '[shipping]\ntitle = "x"\nrequired = true\ncommercial = true'},
            "categories.toml: [shipping] required and commercial are both true",
        ),
        ({TYPE: None}, f"{TYPE}: missing"),
        (
            {TYPE: 'title = "x"\ncategory = "shiping"\nchannels = ["email"]'},
            f"{TYPE}: category has 'shiping': write one of",
        ),
        (
            {TYPE: 'title = "x"\ncategory = "shipping"\nchannels = ["emial"]'},
            f"{TYPE}: channels has 'emial': write email or",
        ),
        ({TYPE: 'title = "x"\ncategory = "shipping"\nchannels = []'}, f"{TYPE}: channels is []: write a list"),
        (
            {TYPE: 'title = "x"\ncategory = "shipping"\nchannels = ["email", "email"]'},
            f"{TYPE}: channels names a channel twice",
        ),
        (
            {TYPE: 'title = "x"\ncategory = "shipping"\nchannels = ["email"]\npriority = "urgent"'},
            f"{TYPE}: priority has 'urgent': write high or normal or low",
        ),
        (
            {TYPE: 'title = "x"\ncategory = "shipping"\nchannels = ["email"]\non_ambigous = "hold"'},
            f"{TYPE}: on_ambigous is unknown: did you mean on_ambiguous?",
        ),
        (
            {TYPE: 'title = "x"\ncategory = "shipping"\nchannels = ["email"]\nordered = "no"'},
            f"{TYPE}: ordered is 'no': write true or false",
        ),
        (
            {"order.shipped/email.text.liquid": None},
            "order.shipped/email.text.liquid: missing: email needs subject, html, text",
        ),
        (
            {"order.shipped/email.html.liquid": "<p>\n{% if x %}"},
            "order.shipped/email.html.liquid: line 2: expected tag endif",
        ),
        (
            {"order.shipped/email.text.liquid": "\n\n{{ x | shout }}"},
            "order.shipped/email.text.liquid: line 3: there is no filter 'shout'",
        ),
        ({"order.shipped/email.txt.liquid": "x"}, "order.shipped/email.txt.liquid: nothing is read here"),
        ({"order.shipped/deep/er.liquid": "x"}, "order.shipped/deep/er.liquid: nothing is read here"),
        ({"stray.toml": "x"}, "stray.toml: nothing is read here"),
        ({"layouts/email.html.liquid": "<body></body>"}, "layouts/email.html.liquid: {{ content }} is missing"),
        ({"layouts/sms.html.liquid": "x"}, "layouts/sms.html.liquid: unknown layout"),
        ({"Order Shipped/type.toml": FILES[TYPE]}, "Order Shipped/type.toml: 'Order Shipped' is not a name"),
        ({"order.shipped/email.text.liquid": "\udcff"}, "order.shipped/email.text.liquid: not UTF-8"),
    ],
)
def test_a_mistake_names_its_file_and_what_is_right(
    tmp_path: Path, changes: dict[str, str | None], problem: str
) -> None:
    with pytest.raises(CatalogueError) as failed:
        load(write(tmp_path, **changes))
    assert any(each.startswith(problem) for each in failed.value.problems), failed.value.problems


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    broken = {"order.shipped/email.text.liquid": None, "order.shipped/email.html.liquid": "{{", "stray": "x"}
    with pytest.raises(CatalogueError, match=r"^3 problems in the catalogue .*") as failed:
        load(write(tmp_path, **broken))
    assert len(failed.value.problems) == 3
    assert all(problem in str(failed.value) for problem in failed.value.problems)


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no such folder"):
        load(tmp_path / "nowhere")


def test_a_catalogue_without_types_is_a_mistake(tmp_path: Path) -> None:
    write(tmp_path)
    shutil.rmtree(tmp_path / "order.shipped")
    with pytest.raises(CatalogueError, match="there is no type"):
        load(tmp_path)
