from uuid import uuid4

from tests.scenarios.system import System, wait_until


def test_a_code_that_cannot_be_delivered_holds_up_no_later_one_while_an_order_does(system: System) -> None:
    who = system.recipient()
    refused = {"to": {"email": f"defer-{uuid4().hex[:6]}@example.com"}, "channels": ["email"]}
    codes = [system.notify(who, "login.code", **refused), *(system.notify(who, "login.code") for _ in range(3))]
    orders = [system.notify(who, "order.delayed", **refused), system.notify(who, "order.delayed", channels=["email"])]
    for identity in codes[1:]:
        assert system.ended(identity) == {"email": "sent"}
    assert system.status(codes[0]) == {"email": "retrying"}
    wait_until(lambda: system.status(orders[0]) == {"email": "retrying"}, what="the first order is retried")
    assert system.status(orders[1]) == {"email": "queued"}
    for identity, end in ((codes[0], "dead_lettered"), (orders[0], "dead_lettered"), (orders[1], "sent")):
        assert system.ended(identity) == {"email": end}
    dead = system.explained(codes[0])["deliveries"][0]
    assert len(dead["attempts"]) == 4
