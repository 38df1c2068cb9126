from pathlib import Path

import pytest

from ops.devstack.kafka import HERE
from ops.devstack.kafka_settings import IN_A_CLUSTER, Node, addresses, node_settings

PATTERN = (HERE / "kafka.properties").read_text()
NODES = [Node(number, 9090 + number, 9190 + number) for number in (3, 1, 2)]  # in the order in which they happened


def settings_of(node: Node, nodes: list[Node]) -> dict[str, str]:
    lines = node_settings(PATTERN, node, nodes, Path("/data/here")).splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    assert len(settings) == len(lines)
    return settings


def test_a_node_alone_has_the_settings_of_the_file_and_no_others() -> None:
    filled = PATTERN.format(port=9091, controller=9191, folder="/data/here").splitlines()
    expected = [line for line in filled if not line.startswith("#")]
    alone = Node(1, 9091, 9191)
    assert node_settings(PATTERN, alone, [alone], Path("/data/here")).splitlines() == expected


@pytest.mark.parametrize(
    ("name", "alone", "in_a_cluster"),
    [
        ("node.id", "1", "2"),
        ("listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9192", None),
        ("controller.quorum.voters", "1@127.0.0.1:9192", "1@127.0.0.1:9191,2@127.0.0.1:9192,3@127.0.0.1:9193"),
        ("log.dirs", "/data/here", None),
        ("default.replication.factor", "", "3"),
        ("min.insync.replicas", "", "2"),
        ("offsets.topic.replication.factor", "1", "3"),
        ("transaction.state.log.replication.factor", "1", "3"),
        ("transaction.state.log.min.isr", "1", "2"),
        ("share.coordinator.state.topic.replication.factor", "1", "3"),
        ("share.coordinator.state.topic.min.isr", "1", "2"),
        ("broker.session.timeout.ms", "3000", None),
        ("broker.heartbeat.interval.ms", "1000", "500"),
        ("metadata.max.idle.interval.ms", "0", ""),
        ("auto.create.topics.enable", "false", None),
    ],
)
def test_a_node_of_a_cluster_differs_where_it_must(name: str, alone: str, in_a_cluster: str | None) -> None:
    second = next(node for node in NODES if node.number == 2)
    assert settings_of(second, [second]).get(name, "") == alone
    assert settings_of(second, NODES).get(name, "") == (alone if in_a_cluster is None else in_a_cluster)


def test_nothing_else_differs_in_a_cluster() -> None:
    second = next(node for node in NODES if node.number == 2)
    one, many = settings_of(second, [second]), settings_of(second, NODES)
    differing = {name for name in one.keys() | many.keys() if one.get(name) != many.get(name)}
    assert differing == {*IN_A_CLUSTER, "node.id", "controller.quorum.voters", "metadata.max.idle.interval.ms"}


def test_clients_are_told_all_nodes_in_the_order_of_their_numbers() -> None:
    assert addresses(NODES) == "127.0.0.1:9091,127.0.0.1:9092,127.0.0.1:9093"
