from pathlib import Path

import pytest

from ops.devstack import StackFailed
from ops.devstack.child import Site
from ops.devstack.plan import SERVICES, Plan
from ops.devstack.services import check_packages, make_services


def site(data: Path) -> Site:
    return Site(data, 0, lambda text: None)


def test_every_service_of_a_plan_can_be_made(tmp_path: Path) -> None:
    assert tuple(make_services(Plan("data"), site(tmp_path))) == SERVICES


def test_each_broker_of_a_cluster_is_a_service_of_its_own(tmp_path: Path) -> None:
    made = make_services(Plan("data", services=("kafka", "mail"), brokers=3), site(tmp_path))
    assert list(made) == ["kafka-1", "kafka-2", "kafka-3", "mail"]
    assert [service.child.log.name for service in made.values() if service.child] == [
        "kafka-1.log",
        "kafka-2.log",
        "kafka-3.log",
    ]


@pytest.mark.parametrize(
    ("there", "brokers", "told"),
    [
        (
            "kafka",
            3,
            "the data of 1 Kafka broker, not of 3 Kafka brokers: `--brokers 1` goes on with it, `--fresh` forgets it",
        ),
        ("kafka-2", 1, "has the data of 3 Kafka brokers, not of 1 Kafka broker: `--brokers 3` goes on with it"),
    ],
)
def test_data_of_another_number_of_brokers_is_refused(tmp_path: Path, there: str, brokers: int, told: str) -> None:
    (tmp_path / there).mkdir()
    make_services(Plan("data", brokers=brokers), site(tmp_path))  # an empty folder is nobody's data
    (tmp_path / there / "meta.properties").touch()
    with pytest.raises(StackFailed, match=told):
        make_services(Plan("data", brokers=brokers), site(tmp_path))
    make_services(Plan("data", services=("mail",)), site(tmp_path))


def test_a_missing_package_is_named_with_what_installs_it() -> None:
    with pytest.raises(StackFailed, match=r"jgo not installed.*tidings\[devstack\]"):
        check_packages(["kafka"], installed=lambda name: name != "jgo")


def test_only_the_packages_of_what_is_started_are_needed() -> None:
    check_packages(["valkey", "webhooks"], installed=lambda name: name == "psutil")
