"""What the senders are measured with, and what is concluded from what came."""

from importlib.util import find_spec

import pytest

from connectors.catalogue.load import load
from ops.bench.sender.data import CATALOGUE, RECIPIENTS, SECRET, TYPE, delivery_of, mail_address, recipient_id, values
from ops.bench.sender.flood import low_share
from ops.bench.sender.peers import missing
from ops.bench.sender.process import Contender
from ops.bench.sender.same_message import differences
from ops.bench.sender.sink_link import Arrival
from ops.bench.sender.stretch import Look
from schemas.codec import Codec
from schemas.records import delivery_from_record
from streams.domain.notification import Channel, Priority
from streams.domain.rendering import Renderer

NOW = 1_800_000_000_000


def test_a_template_of_the_measurement_has_twelve_variables_and_a_loop() -> None:
    template = load(CATALOGUE).types[TYPE].templates[Channel.EMAIL]
    for part in ("html", "text"):
        assert all(name in template.parts[part] for name in values(1))
        assert "{% for item in items %}" in template.parts[part]
    assert len([each for each in values(1).values() if isinstance(each, str)]) == 12


def test_deliveries_are_ones_of_their_own_and_can_be_rendered() -> None:
    renderer, codec = Renderer(load(CATALOGUE)), Codec()
    made = [delivery_of(Channel.EMAIL, number, NOW) for number in range(2_000)]
    assert len({each["delivery_id"] for each in made}) == 2_000
    assert {each["notification"]["recipient_id"] for each in made} == {recipient_id(n) for n in range(RECIPIENTS)}
    for record in made[:20]:
        delivery = delivery_from_record(codec.decode("Delivery", codec.encode("Delivery", record)))
        message = renderer.compose(delivery, mail_address(7, Priority.HIGH), 1)
        assert message.address == "h.7@example.com"
        assert set(message.parts) == {"subject", "html", "text"}


def mail(number: int, text: str) -> bytes:
    return (
        f"Message-ID: <{number}@x>\r\nSubject: Hello\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}".encode()
    )


def test_the_same_mails_are_the_same_and_another_text_is_another() -> None:
    ours = {number: mail(number, "..dots\r\nand more") for number in range(5)}
    assert differences(Channel.EMAIL, ours, {1: ours[1], 9: ours[2]}) == (1, [])
    assert differences(Channel.EMAIL, ours, {1: mail(1, "other"), 2: ours[2]}) == (2, ["delivery 1"])


def post(number: int, data: str, signature: str = "v1,x") -> bytes:
    head = f"POST /in/n.{number} HTTP/1.1\r\nWebhook-Id: {number}\r\nwebhook-signature: {signature}\r\n\r\n"
    return head.encode() + f'{{"data": {data}}}'.encode()


def test_webhooks_are_the_same_whatever_their_signature_says() -> None:
    ours = {1: post(1, '{"a": 1}')}
    assert differences(Channel.WEBHOOK, ours, {1: post(1, '{"a":1}', "v1,y")}) == (1, [])
    assert differences(Channel.WEBHOOK, ours, {1: post(1, "2")}) == (1, ["delivery 1"])
    assert SECRET not in repr(ours)


def test_the_share_of_low_is_what_came_while_high_had_not_run_out() -> None:
    both = [Arrival(priority, at, float(at)) for at, priority in enumerate("hhhl" * 25)]
    after = [Arrival("l", 200 + at, 0.0) for at in range(100)]
    assert low_share([*both, *after], each=75) == pytest.approx(0.25, abs=0.01)


def test_who_cannot_run_is_told_with_what_to_install() -> None:
    lack = missing(Contender.CELERY, installed=lambda name: name != "celery")
    assert lack is not None
    assert lack.why == "celery not installed; this does it: pip install 'tidings[bench]'"
    assert missing(Contender.CELERY, installed=lambda name: True) is None
    assert missing(Contender.OURS, installed=lambda name: False) is None
    ruby = missing(Contender.SIDEKIQ, has_gems=lambda gems: False)
    assert ruby is not None
    assert "ruby-sidekiq" in ruby.why
    assert missing(Contender.SIDEKIQ, has_gems=lambda gems: True) is None


def test_a_stretch_in_which_nothing_came_is_refused() -> None:
    begin = Look(1.0, 10, 0.5, 2.0)
    stretch = begin.until(Look(3.0, 30, 1.5, 3.2))
    assert (stretch.per_s, stretch.cpu_us) == (10, 50_000)
    assert stretch.others_percent == pytest.approx(10)
    with pytest.raises(RuntimeError, match="--deliveries"):
        begin.until(Look(3.0, 10, 1.5, 3.2))


@pytest.mark.skipif(find_spec("jinja2") is None, reason="jinja2 comes with tidings[bench]")
def test_the_mail_of_the_other_contenders_is_ours() -> None:
    from connectors.channels.mail_address import parse_mailbox
    from connectors.channels.mime import MailWriter
    from ops.bench.sender.contenders.mail_words import MailWords
    from ops.bench.sender.data import MAIL_FROM

    renderer, writer, words = Renderer(load(CATALOGUE)), MailWriter(parse_mailbox(MAIL_FROM)), MailWords()
    for number in range(40):
        record, address = delivery_of(Channel.EMAIL, number, NOW), mail_address(number, Priority.LOW)
        ours = writer.write(renderer.compose(delivery_from_record(record), address, 1), 1_800_000_000.0)
        theirs = words.mail(record, address, values(number)).as_bytes()
        assert differences(Channel.EMAIL, {1: ours}, {1: theirs}) == (1, [])


def test_a_priority_that_begins_late_is_counted_from_then_on_and_one_that_starves_is_seen() -> None:
    def came(letters: str) -> list[Arrival]:
        return [Arrival(letter, number, float(number)) for number, letter in enumerate(letters)]

    late = came("hn" * 30 + "hnl" * 70)
    assert low_share(late, each=100) == pytest.approx(1 / 3, abs=0.01)
    starved = came("hn" * 90 + "hnl" * 10)
    assert low_share(starved, each=100) == 0
