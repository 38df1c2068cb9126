"""/docs and /openapi.json."""

import re
from html.parser import HTMLParser

from connectors.http.problems import KINDS, MEDIA_TYPE
from tests.http.api import World


class Page(HTMLParser):
    """Tags that were opened and not closed, ids, and every address the page would load or lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.loads: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "br", "link", "img"}:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            elif name == "href" and tag == "a":
                self.links.add(value or "")
            elif name in {"src", "href", "srcset", "data", "action"}:
                self.loads.add(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_the_page_needs_nothing_from_elsewhere_and_every_link_leads_somewhere(world: World) -> None:
    reply = await world.get("/docs")
    page = Page()
    page.feed(reply.text)
    assert page.open == []
    assert page.loads == set()
    assert not re.search(r"<script|@import|url\(", reply.text)
    assert {link[1:] for link in page.links if link.startswith("#")} <= page.ids
    assert {link for link in page.links if not link.startswith("#")} == {"/openapi.json"}
    assert "default-src 'none'" in reply.headers["content-security-policy"]


async def test_every_route_is_shown_with_a_call_that_can_be_pasted(world: World) -> None:
    text = (await world.get("/docs")).text
    for path, operations in (await world.get("/openapi.json")).body["paths"].items():
        for method, operation in operations.items():
            assert f"<h3>{operation['summary']}</h3>" in text
            assert f">{method.upper()}</span><code>{path}</code>" in text
    assert f"curl -X POST {world.url}/v1/notifications \\" in text
    assert "@BASE@" not in text


async def test_the_example_bodies_are_accepted(world: World) -> None:
    models = (await world.get("/openapi.json")).body["components"]["schemas"]

    def example(name: str) -> object:
        return models[name]["examples"][0]

    assert (await world.post("/v1/notifications", example("NotificationBody"))).status == 202
    assert (await world.put("/v1/recipients/ada", example("RecipientBody"))).status == 200
    assert (await world.put("/v1/recipients/ada/preferences", example("PreferencesBody"))).status == 200


async def test_every_kind_of_problem_has_its_place_where_its_type_leads(world: World) -> None:
    text = (await world.get("/docs")).text
    for kind in KINDS:
        assert f'id="{kind.type.removeprefix("/docs#")}"' in text


async def test_openapi_tells_of_keys_and_problem_documents(world: World) -> None:
    told = (await world.get("/openapi.json")).body
    assert told["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in told["components"]["schemas"]
    for path, operations in told["paths"].items():
        for operation in operations.values():
            assert bool(operation["security"]) == path.startswith("/v1")
            for status, answer in operation["responses"].items():
                if status >= "400" and path.startswith("/v1"):
                    assert list(answer["content"]) == [MEDIA_TYPE]


async def test_the_catalogue_is_told_as_it_was_loaded(world: World) -> None:
    told = (await world.get("/v1/catalogue")).body
    assert told["version"] == "v1"
    assert {each["type"]: (each["category"], each["channels"]) for each in told["types"]} == {
        "newsletter": ("marketing", ["email"]),
        "order.shipped": ("shipping", ["email", "webhook"]),
        "password.reset": ("security", ["email"]),
    }
