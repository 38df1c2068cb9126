"""All of tidings on all cores of this machine: from an event written to Kafka to what a provider took, with its status
in PostgreSQL; and beside it Celery with an API, a broker, a worker and the same database, doing the same.

site (servers, processes, sink) -> ours and peer -> parts. README.md says how.
"""
