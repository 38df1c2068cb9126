import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from ops.devstack import Endpoints
from tests.ops.devstack.waiting import eventually, get_json

pytestmark = pytest.mark.servers


def call(method: str, address: str, body: object = None, **headers: str) -> tuple[int, dict[str, str]]:
    data = None if body is None else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(address, data=data, headers=names, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status), dict(answer.headers)
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code, dict(problem.headers)


def received(endpoints: Endpoints, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get_json(f"{endpoints.webhooks_url}api/received{query}")
    return found


def test_a_call_is_recorded_with_headers_body_time_and_answer(catchers: Endpoints) -> None:
    status, _ = call("POST", f"{catchers.webhooks_url}hook/orders", {"ä": 1}, webhook_id="msg_1")
    [found] = received(catchers)
    assert (status, found["name"], found["status"]) == (200, "orders", 200)
    assert json.loads(found["body"]) == {"ä": 1}
    assert found["headers"]["webhook-id"] == "msg_1"
    assert found["at"].endswith("+00:00")


def test_a_script_decides_the_next_answers(catchers: Endpoints) -> None:
    script = {"answers": [503, 429], "headers": {"Retry-After": "1"}}
    assert call("PUT", f"{catchers.webhooks_url}script/orders", script)[0] == 204
    answers = [call("POST", f"{catchers.webhooks_url}hook/orders", {}) for _ in range(3)]
    assert [status for status, _ in answers] == [503, 429, 200]
    assert [headers.get("Retry-After") for _, headers in answers] == ["1", "1", None]


def test_a_script_with_a_mistake_is_refused(catchers: Endpoints) -> None:
    assert call("PUT", f"{catchers.webhooks_url}script/orders", {"answers": "503"})[0] == 400


def test_the_name_decides_where_there_is_no_script(catchers: Endpoints) -> None:
    hook = f"{catchers.webhooks_url}hook/"
    assert [call("POST", f"{hook}fail-2-x", {}, webhook_id="a")[0] for _ in range(3)] == [503, 503, 200]
    assert call("POST", f"{hook}fail-2-x", {}, webhook_id="b")[0] == 503
    assert call("POST", f"{hook}gone", {})[0] == 410
    assert [each["status"] for each in received(catchers, "?name=fail-2-x")] == [503, 503, 200, 503]
    assert [each["name"] for each in received(catchers, "?limit=1")] == ["gone"]


def test_a_delay_delays_the_answer(catchers: Endpoints) -> None:
    call("PUT", f"{catchers.webhooks_url}script/slow", {"answers": [], "delay_ms": 5000})
    request = urllib.request.Request(f"{catchers.webhooks_url}hook/slow", data=b"", method="POST")
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(request, timeout=0.3)
    assert [each["status"] for each in received(catchers)] == [None]


def test_hang_is_answered_when_it_is_released(catchers: Endpoints) -> None:
    statuses: list[int] = []

    def hang() -> None:
        statuses.append(call("POST", f"{catchers.webhooks_url}hook/hang", {})[0])

    caller = threading.Thread(target=hang)
    caller.start()
    eventually(lambda: [each["status"] for each in received(catchers)] == [None], "the call is recorded as waiting")
    assert statuses == []
    call("POST", f"{catchers.webhooks_url}release/hang")
    caller.join(10)
    assert statuses == [200]
    assert [each["status"] for each in received(catchers)] == [200]


def test_delete_forgets_calls_and_scripts(catchers: Endpoints) -> None:
    call("PUT", f"{catchers.webhooks_url}script/orders", {"answers": [500, 500]})
    call("POST", f"{catchers.webhooks_url}hook/orders", {})
    call("DELETE", f"{catchers.webhooks_url}api/received")
    assert received(catchers) == []
    assert call("POST", f"{catchers.webhooks_url}hook/orders", {})[0] == 200


def test_the_page_is_there(catchers: Endpoints) -> None:
    with urllib.request.urlopen(catchers.webhooks_url) as page:
        assert "webhooks" in page.read().decode()


def text(endpoints: Endpoints, to: str) -> tuple[int, dict[str, Any]]:
    """Hand one SMS over as a sender does; status and body of the answer."""
    form = urllib.parse.urlencode({"To": to, "From": "+15005550006", "Body": "grüß Gott"}).encode()
    site = f"{endpoints.webhooks_url}sms/2010-04-01/Accounts/AC1/Messages.json"
    request = urllib.request.Request(site, data=form, headers={"Authorization": "Basic YTpi"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status), json.load(answer)
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code, json.load(problem)


def test_sms_are_taken_as_twilio_takes_them_listed_and_forgotten(catchers: Endpoints) -> None:
    answers = [text(catchers, to) for to in ("+436601234567", "+15005550001", "+436607654321")]
    assert [status for status, _ in answers] == [201, 400, 201]
    assert answers[0][1]["sid"].startswith("SM")
    assert answers[1][1]["code"] == 21211
    listed = get_json(f"{catchers.webhooks_url}api/sms")
    taken = [("+436601234567", "grüß Gott"), ("+436607654321", "grüß Gott")]
    assert [(each["to"], each["body"]) for each in listed] == taken
    assert len(get_json(f"{catchers.webhooks_url}api/sms?to=%2B436601234567")) == 1
    assert call("POST", f"{catchers.webhooks_url}sms/2010-04-01/Accounts/AC1/Messages.json", {})[0] == 401
    assert call("DELETE", f"{catchers.webhooks_url}api/sms")[0] == 204
    assert get_json(f"{catchers.webhooks_url}api/sms") == []
