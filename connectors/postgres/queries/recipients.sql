-- name: find
select recipient_id, tenant, addresses, locale, time_zone, unsubscribed, choices, version, erased_at is not null as erased,
    address_marks
from recipients
where recipient_id = any(%(recipient_ids)s);

-- name: save_profile
insert into recipients as r (recipient_id, tenant, addresses, locale, time_zone, version, updated_at)
values (%(recipient_id)s, %(tenant)s, %(addresses)s, %(locale)s, %(time_zone)s, 1, to_timestamp(%(now)s / 1000.0))
on conflict (recipient_id) do update set
    tenant = excluded.tenant,
    addresses = excluded.addresses,
    locale = excluded.locale,
    time_zone = excluded.time_zone,
    -- a new address for a channel clears the marks of the channel
    address_marks = (
        select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(r.address_marks)
        where r.addresses ->> split_part(key, ':', 1) is not distinct from excluded.addresses ->> split_part(key, ':', 1)
    ),
    marks_cleared_at = case when r.addresses is distinct from excluded.addresses then excluded.updated_at
                       else r.marks_cleared_at end,
    version = r.version + 1,
    updated_at = excluded.updated_at,
    erased_at = null
returning recipient_id, tenant, addresses, locale, time_zone, unsubscribed, choices, version, false as erased,
    address_marks;

-- name: save_choices
insert into recipients as r (recipient_id, unsubscribed, choices, version, updated_at)
values (%(recipient_id)s, %(unsubscribed)s, %(choices)s, 1, to_timestamp(%(now)s / 1000.0))
on conflict (recipient_id) do update set
    unsubscribed = excluded.unsubscribed,
    choices = excluded.choices,
    version = r.version + 1,
    updated_at = excluded.updated_at,
    erased_at = null
returning recipient_id, tenant, addresses, locale, time_zone, unsubscribed, choices, version, false as erased,
    address_marks;

-- name: erase
update recipients set
    tenant = null,
    addresses = '{}',
    locale = null,
    time_zone = null,
    unsubscribed = false,
    choices = '[]',
    address_marks = '{}',
    marks_cleared_at = to_timestamp(%(now)s / 1000.0),
    version = version + 1,
    updated_at = to_timestamp(%(now)s / 1000.0),
    erased_at = to_timestamp(%(now)s / 1000.0)
where recipient_id = %(recipient_id)s and erased_at is null
returning recipient_id, tenant, addresses, locale, time_zone, unsubscribed, choices, version, true as erased,
    address_marks;

-- name: mark_address
-- Nothing is returned when it is marked already, was cleared after this was told, or the recipient is erased.
insert into recipients as r (recipient_id, address_marks, version, updated_at)
values (
    %(recipient_id)s,
    jsonb_build_object(%(mark)s::text, jsonb_build_object('reason', %(reason)s::text, 'marked_at', %(now)s::bigint)),
    1, to_timestamp(%(now)s / 1000.0)
)
on conflict (recipient_id) do update set
    -- the newest are kept: addresses given inline can be many
    address_marks = (
        select jsonb_object_agg(key, value) from (
            select key, value from jsonb_each(r.address_marks || excluded.address_marks)
            order by (value ->> 'marked_at')::bigint desc limit 50
        ) as newest
    ),
    version = r.version + 1,
    updated_at = greatest(r.updated_at, excluded.updated_at)
where r.erased_at is null
    and not r.address_marks ? %(mark)s
    and (r.marks_cleared_at is null or r.marks_cleared_at < to_timestamp(%(now)s / 1000.0))
returning recipient_id, tenant, addresses, locale, time_zone, unsubscribed, choices, version, false as erased,
    address_marks;

-- name: clear_marks
update recipients set
    address_marks = (
        select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(address_marks)
        where split_part(key, ':', 1) <> %(channel)s
    ),
    marks_cleared_at = to_timestamp(%(now)s / 1000.0),
    version = version + 1,
    updated_at = to_timestamp(%(now)s / 1000.0)
where recipient_id = %(recipient_id)s and erased_at is null
returning recipient_id, tenant, addresses, locale, time_zone, unsubscribed, choices, version, false as erased,
    address_marks;

-- name: add_to_outbox
insert into outbox (topic, key, value, headers) values (%(topic)s, %(key)s, %(value)s, %(headers)s);

-- name: wake_relay
select pg_notify('tidings_outbox', '');
