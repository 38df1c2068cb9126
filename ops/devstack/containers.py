"""The same servers from published images, through testcontainers; for `pytest --servers=containers`."""

import contextlib
from collections.abc import Iterator

from ops.devstack.endpoints import Endpoints
from ops.devstack.kafka_probe import produce_and_fetch
from ops.devstack.ports import number_of, reserve_port

# as in docker-compose.yml; a test holds them together
KAFKA, POSTGRES, VALKEY = "apache/kafka:4.3.1", "postgres:18.6-trixie", "valkey/valkey:8.1.10"
INITDB = "--encoding=UTF8 --locale-provider=builtin --locale=C.UTF-8"
CONTROLLER_PORT = 9094


@contextlib.contextmanager
def server_containers() -> Iterator[Endpoints]:
    """Kafka, PostgreSQL and Valkey in containers for the length of a block; needs a Docker daemon."""
    from testcontainers.community.postgres import PostgresContainer
    from testcontainers.community.valkey import ValkeyContainer

    with contextlib.ExitStack() as running:
        kafka = running.enter_context(kafka_container())
        in_utf8 = PostgresContainer(POSTGRES, driver=None).with_env("POSTGRES_INITDB_ARGS", INITDB)
        postgres = running.enter_context(in_utf8)
        open_to_host = ValkeyContainer(VALKEY).with_command("valkey-server --protected-mode no")
        valkey = running.enter_context(open_to_host)
        yield Endpoints(
            kafka_bootstrap_servers=kafka,
            postgres_dsn=postgres.get_connection_url(),
            redis_url=f"redis://{valkey.get_host()}:{valkey.get_exposed_port()}/0",
        )


@contextlib.contextmanager
def kafka_container() -> Iterator[str]:
    """One broker; its address, once a record written comes back.

    A broker tells its clients where it is, so the port must be known before the container runs: a free one is
    chosen here and used inside and outside alike. (testcontainers' own KafkaContainer knows Confluent's image only.)
    """
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.docker_client import DockerClient
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    with reserve_port() as held:
        port = number_of(held)
    host = DockerClient().host()
    started = LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(60)
    container = DockerContainer(KAFKA).with_bind_ports(port, port).with_envs(**kafka_variables(host, port))
    with container.waiting_for(started):
        produce_and_fetch(f"{host}:{port}")
        yield f"{host}:{port}"


def kafka_variables(host: str, port: int) -> dict[str, str]:
    """The settings of the container: one node, broker and controller, as kafka.properties has it where it matters."""
    return {
        "CLUSTER_ID": "dGlkaW5ncy1pbi10ZXN0cw",
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://localhost:{CONTROLLER_PORT}",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{host}:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": f"1@localhost:{CONTROLLER_PORT}",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }
