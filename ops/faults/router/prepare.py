"""What must be there before the routers start: topics by our plan, and preferences. A process that ends."""

from ops.faults.router.load import publish_preferences
from ops.faults.router.traffic import preferences
from ops.settings import read
from ops.wiring.shared import codec
from ops.wiring.topics import topic_admin, topic_steps


def main() -> None:
    """With the settings of the environment. Raises when it cannot be done."""
    settings = read()
    topic_admin(settings).apply(topic_steps(settings))
    publish_preferences(settings.kafka_bootstrap_servers, preferences(), codec(settings))


if __name__ == "__main__":
    main()
