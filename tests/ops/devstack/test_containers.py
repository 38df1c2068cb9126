"""What can be said of the containers where none can run."""

from ops.devstack import containers
from ops.devstack.kafka import HERE


def test_every_image_is_pinned_to_the_version_that_the_embedded_servers_have() -> None:
    assert containers.KAFKA == "apache/kafka:4.3.1"
    assert containers.POSTGRES.startswith("postgres:18.6-")
    assert containers.VALKEY.startswith("valkey/valkey:8.1.")


def test_kafka_tells_its_clients_the_port_that_is_bound_outside() -> None:
    told = containers.kafka_variables("docker.test", 40123)
    assert told["KAFKA_ADVERTISED_LISTENERS"] == "PLAINTEXT://docker.test:40123"
    assert "PLAINTEXT://0.0.0.0:40123" in told["KAFKA_LISTENERS"]


def test_kafkas_settings_are_those_of_the_embedded_one() -> None:
    embedded = dict(
        line.split("=", 1) for line in (HERE / "kafka.properties").read_text().splitlines() if not line.startswith("#")
    )
    of_place = {
        "CLUSTER_ID",
        "LISTENERS",
        "CONTROLLER_QUORUM_VOTERS",
        "ADVERTISED_LISTENERS",
        "LISTENER_SECURITY_PROTOCOL_MAP",
    }
    for name, value in containers.kafka_variables("docker.test", 40123).items():
        plain = name.removeprefix("KAFKA_")
        if plain not in of_place:
            assert embedded[plain.lower().replace("_", ".")] == value, name
