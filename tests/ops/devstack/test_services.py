import pytest

from ops.devstack import StackFailed
from ops.devstack.plan import SERVICES
from ops.devstack.services import MAKERS, check_packages


def test_every_service_of_a_plan_can_be_made() -> None:
    assert tuple(MAKERS) == SERVICES


def test_a_missing_package_is_named_with_what_installs_it() -> None:
    with pytest.raises(StackFailed, match=r"jgo not installed.*tidings\[devstack\]"):
        check_packages(["kafka"], installed=lambda name: name != "jgo")


def test_only_the_packages_of_what_is_started_are_needed() -> None:
    check_packages(["valkey", "webhooks"], installed=lambda name: name == "psutil")
