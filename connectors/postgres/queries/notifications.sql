-- name: find_notification
select notification_id, recipient_id, tenant, type, priority, category, created_at, decided_at, catalogue_version,
    preference_version
from notifications
where notification_id = %(notification_id)s;

-- name: find_deliveries
select delivery_id, recipient_id, channel, status, attempt as attempts_count, redrives, layer, rule, reason, provider,
    provider_message_id, due_at, updated_at
from deliveries
where notification_id = %(notification_id)s
order by channel;

-- name: find_attempts
select a.delivery_id, a.redrives, a.attempt, a.started_at, a.provider, a.duration_ms, a.code, a.failure_kind, a.reason,
    a.request, a.response, a.provider_message_id
from attempts a
join deliveries d using (delivery_id)
where d.notification_id = %(notification_id)s
order by a.redrives, a.attempt, a.started_at;

-- name: find_dead_letters
select dead_letter_id, kind, reason, recipient_id, type, delivery_id, redriven_at
from dead_letters
where notification_id = %(notification_id)s
order by dead_at, dead_letter_id;
