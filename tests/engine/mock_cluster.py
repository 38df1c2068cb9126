"""librdkafka's mock cluster, for faults that have to be exact: which request is answered with which error.

It is in the library inside the wheel of confluent-kafka, which has no Python for it. Memory only, no compaction, no
transactions: what has to do with those is proved on a real Kafka.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import confluent_kafka

PRODUCE, OFFSET_COMMIT = 0, 8
_PRODUCER = 0
_HANDLE = ctypes.c_void_p


def _library() -> ctypes.CDLL:
    package = Path(confluent_kafka.__file__).parent
    [path] = [*package.parent.glob("confluent_kafka.libs/librdkafka*"), *package.glob(".dylibs/librdkafka*")]
    library = ctypes.CDLL(str(path))
    library.rd_kafka_conf_new.restype = _HANDLE
    library.rd_kafka_conf_set.argtypes = [_HANDLE, *[ctypes.c_char_p] * 3, ctypes.c_size_t]
    library.rd_kafka_new.argtypes = [ctypes.c_int, _HANDLE, ctypes.c_char_p, ctypes.c_size_t]
    library.rd_kafka_new.restype = _HANDLE
    library.rd_kafka_mock_cluster_new.argtypes = [_HANDLE, ctypes.c_int]
    library.rd_kafka_mock_cluster_new.restype = _HANDLE
    library.rd_kafka_mock_cluster_bootstraps.argtypes = [_HANDLE]
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    library.rd_kafka_mock_topic_create.argtypes = [_HANDLE, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
    library.rd_kafka_mock_push_request_errors_array.argtypes = [
        _HANDLE, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(ctypes.c_int),
    ]  # fmt: skip
    library.rd_kafka_mock_cluster_destroy.argtypes = [_HANDLE]
    library.rd_kafka_destroy.argtypes = [_HANDLE]
    return library


class MockCluster:
    """`bootstrap_servers`; topics are made by `create`."""

    def __init__(self, library: ctypes.CDLL, cluster: int) -> None:
        self._library, self._cluster = library, cluster
        self.bootstrap_servers = library.rd_kafka_mock_cluster_bootstraps(cluster).decode()

    def create(self, topic: str, partitions: int) -> None:
        assert self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, 1) == 0

    def answer(self, request: int, *errors: int) -> None:
        """The next requests of this kind are answered with these error codes, in turn."""
        codes = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, request, len(errors), codes)


@contextmanager
def mock_cluster(brokers: int = 1) -> Iterator[MockCluster]:
    """A cluster for as long as the context lasts."""
    library = _library()
    said = ctypes.create_string_buffer(512)
    settings = library.rd_kafka_conf_new()
    library.rd_kafka_conf_set(settings, b"log_level", b"0", said, len(said))
    handle = library.rd_kafka_new(_PRODUCER, settings, said, len(said))
    assert handle, said.value
    cluster = library.rd_kafka_mock_cluster_new(handle, brokers)
    assert cluster
    try:
        yield MockCluster(library, cluster)
    finally:
        library.rd_kafka_mock_cluster_destroy(cluster)
        library.rd_kafka_destroy(handle)
