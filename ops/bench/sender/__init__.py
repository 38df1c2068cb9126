"""The senders measured beside the loop one would write, beside Celery and beside Sidekiq, on the same deliveries.

data -> ground (Kafka, Redis, PostgreSQL, the sink) -> process (a contender, pinned to its core) -> one file per
question: throughput, machinery, one_partition, latency, flood, memory, redrive. `parts.py` lists them. README.md says
what each contender does.
"""
