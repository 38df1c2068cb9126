import asyncio
from pathlib import Path

from ops.devstack.child import Child, Site
from ops.devstack.kafka_cluster import KafkaCluster
from ops.devstack.kafka_settings import Node
from ops.devstack.plan import broker_names

NODES = {number: Node(number, 9090 + number, 9190 + number) for number in (1, 2, 3)}


def cluster(data: Path, brokers: int = 3) -> KafkaCluster:
    return KafkaCluster(data, broker_names(brokers))


def never_started(data: Path) -> Child:
    """A child without a process, as one is that has ended."""
    return Child("kafka", Site(data, 0, lambda text: None))


async def test_each_node_learns_the_places_of_all_before_it_starts(tmp_path: Path) -> None:
    made = cluster(tmp_path)
    first = asyncio.create_task(made.join(NODES[1]))
    await made_to_wait(first)
    second = asyncio.create_task(made.join(NODES[3]))
    await made_to_wait(second)
    everybody = list(NODES.values())
    assert sorted(await made.join(NODES[2]), key=lambda node: node.number) == everybody
    assert set(await first) == set(await second) == set(everybody)
    assert len(await made.join(NODES[1])) == 3  # a later start of one waits for nobody


async def made_to_wait(task: "asyncio.Task[list[Node]]") -> None:
    await asyncio.sleep(0)
    assert not task.done()


async def test_a_majority_can_elect_and_one_of_three_cannot(tmp_path: Path) -> None:
    made = cluster(tmp_path)
    await asyncio.gather(*(made.join(node) for node in NODES.values()))
    assert made.can_elect()
    made.started[1] = never_started(tmp_path)
    assert (made.present(), made.can_elect()) == ({2, 3}, True)
    made.started[2] = never_started(tmp_path)
    assert (made.present(), made.can_elect()) == ({3}, False)
    await made.join(NODES[1])
    assert (made.present(), made.can_elect()) == ({1, 3}, True)


async def test_a_node_alone_elects_itself_while_it_is_there(tmp_path: Path) -> None:
    made = cluster(tmp_path, brokers=1)
    assert not made.can_elect()
    assert await made.join(NODES[1]) == [NODES[1]]
    assert made.can_elect()


def test_all_nodes_are_formatted_with_one_identity(tmp_path: Path) -> None:
    made = cluster(tmp_path)
    assert made.identity() == made.identity()
    assert made.identity() != cluster(tmp_path).identity()


def test_a_start_that_was_cut_short_goes_on_with_the_identity_of_the_nodes_it_had_formatted(tmp_path: Path) -> None:
    (tmp_path / "kafka-2").mkdir()
    (tmp_path / "kafka-2" / "meta.properties").write_text("#\nnode.id=2\ncluster.id=abcdefghijklmnopqrstuv\n")
    assert cluster(tmp_path).identity() == "abcdefghijklmnopqrstuv"


def test_each_node_has_a_folder_of_its_own(tmp_path: Path) -> None:
    assert [cluster(tmp_path).folder(number).name for number in (1, 2, 3)] == ["kafka-1", "kafka-2", "kafka-3"]
    assert cluster(tmp_path, brokers=1).folder(1).name == "kafka"
