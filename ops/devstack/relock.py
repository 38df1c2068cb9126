"""For maintainers: `python -m ops.devstack.relock` resolves the sets anew and rewrites jars.lock."""

import tempfile
from dataclasses import replace
from pathlib import Path

from ops.devstack.jars import LOCK, maven_context, sha256_of

SETS = {
    # "!" = do not take that artifact's dependency management: without it jgo mixes in older versions of others.
    "kafka": "org.apache.kafka:kafka_2.13:4.3.1+org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!",
    # redis-server programs for platforms without a Valkey wheel; its dependencies are not wanted.
    "redis": "com.github.codemonstur:embedded-redis:1.4.4",
}
ALONE = {"redis"}


def resolve(endpoint: str, alone: bool, scratch: Path) -> list[str]:
    """The lock lines of one endpoint, without the set's name."""
    from jgo.parse import Endpoint

    maven = maven_context(scratch)
    coordinates = [replace(each, scope="compile") for each in Endpoint.parse(endpoint).coordinates]
    inputs, others = maven.resolver.resolve([maven.create_dependency(each) for each in coordinates])
    lines = []
    for found in [*inputs, *(each for each in others if each.scope in ("compile", "runtime") and not alone)]:
        path = Path(found.artifact.resolve())
        name = f"{found.groupId}:{found.artifactId}:{found.version}"
        lines.append(f"{sha256_of(path)} {path.stat().st_size} {name}")
    return sorted(lines, key=lambda line: line.split()[2])


def relock() -> None:
    """Rewrite jars.lock; the same registry contents give the same file."""
    with tempfile.TemporaryDirectory() as scratch:
        lines = [
            f"{name} {line}\n"
            for name, endpoint in SETS.items()
            for line in resolve(endpoint, name in ALONE, Path(scratch))
        ]
    LOCK.write_text("".join(lines))


if __name__ == "__main__":
    relock()
