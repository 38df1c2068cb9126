"""Every metric, once: name, kind, labels, meaning. Nothing emits a metric that is not declared here.

Labels come from closed sets (channels, priorities, statuses, providers): never an id, an address or a text.
"""

from prometheus_client import Counter, Gauge, Histogram

from ops.telemetry.tally import TallyCounter, TallyHistogram

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)

# HTTP API
HTTP_REQUESTS = Counter("tidings_http_requests", "Requests answered.", ["route", "method", "status"])
HTTP_SECONDS = Histogram("tidings_http_request_seconds", "Time to answer a request.", ["route"], buckets=_FAST)
ACCEPTED = Counter("tidings_notifications_accepted", "Notifications answered with 202.", ["priority"])

# Router
ROUTED = Counter("tidings_router_notifications", "Notifications decided on.", ["priority"])
DECIDED = Counter(
    "tidings_router_channel_decisions", "Decisions by channel, action and layer.", ["channel", "action", "layer"]
)
ROUTED_SECONDS = TallyHistogram(
    "tidings_router_lag_seconds", "From the record's time in Kafka to the decision.", ["priority"], buckets=_FAST
)
PREFERENCES = Gauge("tidings_router_preferences", "Preferences in memory.")
PARTITIONS = Gauge("tidings_partitions_owned", "Partitions this process owns.", ["topic"])

# Sender
PROVIDER_CALLS = TallyCounter(
    "tidings_provider_calls", "Provider calls by how they ended.", ["channel", "provider", "outcome"]
)
PROVIDER_SECONDS = TallyHistogram(
    "tidings_provider_call_seconds", "Duration of a provider call.", ["channel", "provider"], buckets=_FAST
)
DELIVERIES = TallyCounter("tidings_deliveries", "Statuses written by senders.", ["channel", "priority", "status"])
HANDED_OVER_SECONDS = TallyHistogram(
    "tidings_handed_over_seconds",
    "From created_at to the provider's answer, first attempt.",
    ["channel", "priority"],
    buckets=_FAST,
)
BREAKER = Gauge(
    "tidings_breaker_state",
    "Circuit breaker of a provider as this process knows it: 0 closed, 1 half-open, 2 open.",
    ["channel", "provider"],
)
FAILOVERS = Counter(
    "tidings_failovers", "Calls to another provider than the channel's first, by who got them.", ["channel", "provider"]
)
LIMITED = Counter(
    "tidings_limited",
    "Times deliveries waited for a limit: the rate of provider, tenant or recipient; at_once, what one recipient may "
    "have under way.",
    ["channel", "limit"],
)
IN_FLIGHT = Gauge("tidings_deliveries_in_flight", "Provider calls under way.", ["channel"])
PARKED = Gauge("tidings_lanes_parked", "Lanes whose head waits in a retry topic.", ["channel"])
WAITING = Gauge("tidings_deliveries_parked", "Deliveries that wait in retry topics, also behind others.", ["channel"])
ASSIGNED_SECONDS = Gauge(
    "tidings_assigned_seconds",
    "How long the last assignment took: offsets, and who waits in retry topics.",
    ["channel"],
)
AMBIGUOUS = Counter(
    "tidings_deliveries_ambiguous", "Deliveries whose earlier call may have reached the provider.", ["channel"]
)
DUPLICATES = Counter("tidings_duplicates_recognised", "Records of a delivery that had already ended.", ["channel"])
CLAIMS_FALLBACK = Gauge(
    "tidings_claims_fallback", "1 while Redis is away and this process makes its claims in PostgreSQL."
)

UNLISTED_CODES = Counter(
    "tidings_provider_codes_unlisted", "Answers whose code is in no table of ours; the log names it.", ["provider"]
)

# All consumers
DEAD_LETTERS = Counter("tidings_dead_letters", "Records put into dead-letters.", ["process", "kind"])

# Recorder, scheduler
RECORDED = Counter("tidings_recorder_records", "Records written to PostgreSQL.", ["topic"])
ADDRESSES_MARKED = Counter(
    "tidings_addresses_marked", "Addresses of which a provider said that they take nothing any more.", ["channel"]
)
RECORDER_SECONDS = Histogram("tidings_recorder_batch_seconds", "Time to write one batch.", buckets=_FAST)
LOG_WRITES_FAILED = Counter("tidings_log_writes_failed", "Writes of log lines that failed: the lines are dropped.")
RELAYED = Counter("tidings_outbox_relayed", "Outbox rows relayed to Kafka.", ["topic"])
OUTBOX_WAITING = Gauge("tidings_outbox_waiting", "Outbox rows that wait.")
