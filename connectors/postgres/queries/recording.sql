-- name: write_notifications
insert into notifications (
    notification_id, recipient_id, tenant, type, priority, category, created_at, decided_at, catalogue_version,
    preference_version
)
select
    notification_id, recipient_id, tenant, type, priority, category, to_timestamp(created_at / 1000.0),
    to_timestamp(decided_at / 1000.0), catalogue_version, preference_version
from json_to_recordset(%(rows)s::json) as r (
    notification_id text, recipient_id text, tenant text, type text, priority text, category text, created_at bigint,
    decided_at bigint, catalogue_version text, preference_version bigint
)
on conflict (notification_id) do nothing;

-- name: write_deliveries
insert into deliveries as d (
    delivery_id, notification_id, recipient_id, channel, status, progress, attempt, redrives, layer, rule, reason,
    provider, provider_message_id, due_at, updated_at
)
select
    delivery_id, notification_id, recipient_id, channel, status, progress, attempt, redrives, layer, rule, reason,
    provider, provider_message_id, to_timestamp(due_at / 1000.0), to_timestamp(occurred_at / 1000.0)
from json_to_recordset(%(rows)s::json) as r (
    delivery_id text, notification_id text, recipient_id text, channel text, status text, progress bigint,
    attempt integer, redrives integer, layer text, rule text, reason text, provider text, provider_message_id text,
    due_at bigint, occurred_at bigint
)
on conflict (delivery_id) do update set
    status = case when excluded.progress > d.progress then excluded.status else d.status end,
    progress = greatest(excluded.progress, d.progress),
    attempt = case when excluded.progress > d.progress then excluded.attempt else d.attempt end,
    redrives = greatest(excluded.redrives, d.redrives),
    layer = case when excluded.progress > d.progress then coalesce(excluded.layer, d.layer)
            else coalesce(d.layer, excluded.layer) end,
    rule = coalesce(d.rule, excluded.rule),
    reason = case when excluded.progress > d.progress then excluded.reason else d.reason end,
    provider = case when excluded.progress > d.progress then coalesce(excluded.provider, d.provider)
               else coalesce(d.provider, excluded.provider) end,
    provider_message_id = coalesce(excluded.provider_message_id, d.provider_message_id),
    due_at = case when excluded.progress > d.progress then excluded.due_at else d.due_at end,
    updated_at = case when excluded.progress > d.progress then excluded.updated_at else d.updated_at end
where excluded.progress > d.progress or d.rule is null;

-- name: write_attempts
insert into attempts (
    delivery_id, redrives, attempt, started_at, provider, duration_ms, code, failure_kind, reason, request, response,
    provider_message_id
)
select
    delivery_id, redrives, attempt, to_timestamp(started_at / 1000.0), provider, duration_ms, code, failure_kind,
    reason, request, response, provider_message_id
from json_to_recordset(%(rows)s::json) as r (
    delivery_id text, redrives integer, attempt integer, started_at bigint, provider text,
    duration_ms double precision, code text, failure_kind text, reason text, request text, response text,
    provider_message_id text
)
on conflict do nothing;

-- name: write_dead_letter
insert into dead_letters (
    dead_letter_id, kind, reason, provider, notification_id, delivery_id, recipient_id, type, channel, attempt,
    redrives, origin_topic, origin_partition, origin_offset, key, value, headers, dead_at, tenant, expires_at
)
values (
    %(dead_letter_id)s, %(kind)s, %(reason)s, %(provider)s, %(notification_id)s, %(delivery_id)s, %(recipient_id)s,
    %(type)s, %(channel)s, %(attempt)s, %(redrives)s, %(origin_topic)s, %(origin_partition)s, %(origin_offset)s,
    %(key)s, %(value)s, %(headers)s, to_timestamp(%(dead_at)s / 1000.0), %(tenant)s,
    to_timestamp(%(expires_at)s::bigint / 1000.0)
)
on conflict (dead_letter_id) do nothing;

-- name: forget_attempts
delete from attempts where started_at < now() - make_interval(days => %(days)s);
