-- name: wanted
-- The filter of every query below, in place of {wanted}; connectors/dead_letters/wanted.py is its reference.
    (%(kind)s::text is null or kind = %(kind)s)
    and (%(reason)s::text is null or position(lower(%(reason)s::text) in lower(reason)) > 0)
    and (%(type)s::text is null or type = %(type)s)
    and (%(channel)s::text is null or channel = %(channel)s)
    and (%(provider)s::text is null or provider = %(provider)s)
    and (%(recipient_id)s::text is null or recipient_id = %(recipient_id)s)
    and (%(tenant)s::text is null or tenant = %(tenant)s)
    and (%(since)s::timestamptz is null or dead_at >= %(since)s)
    and (%(until)s::timestamptz is null or dead_at < %(until)s)
    and (
        %(state)s::text is null
        or (%(state)s::text = 'waiting' and redriven_at is null and dropped_at is null)
        or (%(state)s::text = 'redriven' and redriven_at is not null and dropped_at is null)
        or (%(state)s::text = 'dropped' and dropped_at is not null)
    )

-- name: page
select
    dead_letter_id, kind, reason, provider, notification_id, delivery_id, recipient_id, type, channel, attempt,
    redrives, origin_topic, origin_partition, origin_offset, dead_at, redriven_at, tenant, expires_at, dropped_at,
    drop_reason
from dead_letters
where
    (%(before_at)s::timestamptz is null or (dead_at, dead_letter_id) < (%(before_at)s, %(before_id)s))
    and {wanted}
order by dead_at desc, dead_letter_id desc
limit %(limit)s;

-- name: letters
select *
from dead_letters
where
    (%(before_at)s::timestamptz is null or (dead_at, dead_letter_id) < (%(before_at)s, %(before_id)s))
    and {wanted}
order by dead_at desc, dead_letter_id desc
limit %(limit)s;

-- name: stats
-- A row for all, then one for each value of each dimension: `dimension` tells which, `value` null is a value, too.
with told as (
    select
        case when dropped_at is not null then 'dropped' when redriven_at is not null then 'redriven' else 'waiting' end
            as state,
        kind, type, channel, provider, reason, dead_at, expires_at
    from dead_letters
    where {wanted}
), counted as (
    select
        case grouping(state, kind, type, channel, provider, reason)
            when 31 then 'state' when 47 then 'kind' when 55 then 'type' when 59 then 'channel' when 61 then 'provider'
            when 62 then 'reason' else 'all' end as dimension,
        coalesce(state, kind, type, channel, provider, reason) as value,
        count(*) as count,
        count(*) filter (where expires_at <= to_timestamp(%(now)s / 1000.0)) as expired,
        min(dead_at) as oldest,
        max(dead_at) as newest
    from told
    group by grouping sets ((), (state), (kind), (type), (channel), (provider), (reason))
), ranked as (
    select *, row_number() over (partition by dimension order by count desc, value collate "C") as rank from counted
)
select dimension, value, count, expired, oldest, newest from ranked where rank <= %(at_most)s;

-- name: find
select * from dead_letters where dead_letter_id = %(dead_letter_id)s;

-- name: take
-- One that was redriven before counts on from where its delivery stands now: senders tell redrives apart by number.
select
    d.*,
    case
        when d.redriven_at is null then d.redrives
        else greatest(d.redrives + 1, (select max(redrives) from deliveries where delivery_id = d.delivery_id))
    end as redrives_now
from dead_letters d
where d.dead_letter_id = %(dead_letter_id)s
for update;

-- name: take_many
select *
from dead_letters
where
    redriven_at is null
    and dropped_at is null
    and (expires_at is null or expires_at > to_timestamp(%(now)s / 1000.0))
    and (%(after_at)s::timestamptz is null or (dead_at, dead_letter_id) > (%(after_at)s, %(after_id)s))
    and {wanted}
order by dead_at, dead_letter_id
limit %(limit)s
for update skip locked;

-- name: note_redriven
-- And any copy of it: a process that died right after writing a dead letter writes it once more. Two look-ups: with an
-- `or` between them PostgreSQL compares each that went back with all that wait, as long as it has no statistics of them.
with done as (
    select dead_letter_id, delivery_id, redrives from dead_letters where dead_letter_id = any(%(ids)s)
), meant as (
    select dead_letter_id from done
    union
    select copy.dead_letter_id
    from done join dead_letters copy on copy.delivery_id = done.delivery_id and copy.redrives = done.redrives
    where copy.redriven_at is null and copy.dropped_at is null
)
update dead_letters
set redriven_at = to_timestamp(%(now)s / 1000.0)
where dead_letter_id = any(array(select dead_letter_id from meant));

-- name: drop
update dead_letters
set
    dropped_at = to_timestamp(%(now)s / 1000.0),
    drop_reason = %(drop_reason)s,
    key = null,
    value = null,
    headers = '[]'
where dead_letter_id = any(%(ids)s);

-- name: to_drop
select dead_letter_id
from dead_letters
where
    redriven_at is null
    and dropped_at is null
    and {wanted}
order by dead_at, dead_letter_id
limit %(limit)s
for update skip locked;

-- name: have_time
select set_config('statement_timeout', %(ms)s, true);
