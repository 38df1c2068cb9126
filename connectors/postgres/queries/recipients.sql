-- name: find
select recipient_id, tenant, addresses, locale, time_zone, unsubscribed, choices, version, erased_at is not null as erased
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
    version = r.version + 1,
    updated_at = excluded.updated_at,
    erased_at = null
returning recipient_id, tenant, addresses, locale, time_zone, unsubscribed, choices, version, false as erased;

-- name: save_choices
insert into recipients as r (recipient_id, unsubscribed, choices, version, updated_at)
values (%(recipient_id)s, %(unsubscribed)s, %(choices)s, 1, to_timestamp(%(now)s / 1000.0))
on conflict (recipient_id) do update set
    unsubscribed = excluded.unsubscribed,
    choices = excluded.choices,
    version = r.version + 1,
    updated_at = excluded.updated_at,
    erased_at = null
returning recipient_id, tenant, addresses, locale, time_zone, unsubscribed, choices, version, false as erased;

-- name: erase
update recipients set
    tenant = null,
    addresses = '{}',
    locale = null,
    time_zone = null,
    unsubscribed = false,
    choices = '[]',
    version = version + 1,
    updated_at = to_timestamp(%(now)s / 1000.0),
    erased_at = to_timestamp(%(now)s / 1000.0)
where recipient_id = %(recipient_id)s and erased_at is null
returning recipient_id, tenant, addresses, locale, time_zone, unsubscribed, choices, version, true as erased;

-- name: add_to_outbox
insert into outbox (topic, key, value, headers) values (%(topic)s, %(key)s, %(value)s, %(headers)s);

-- name: wake_relay
select pg_notify('tidings_outbox', '');
