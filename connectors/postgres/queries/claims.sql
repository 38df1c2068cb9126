-- name: claim
-- Rules: streams/domain/claim_marks.py `claimed`. The value that comes of it tells the verdict, so one statement does.
-- An end that the recorder knows of counts as one that was marked, but a dead letter only when it is kept itself: its
-- status can be there without it. Rows are locked in the order of their keys: two batches never wait for each other.
with asked as (
    select * from unnest(%(keys)s::bytea[], %(delivery_ids)s::text[], %(redrives)s::bigint[])
        as a (key, delivery_id, redrives)
), known as (
    select a.key, convert_to(case
        when d.redrives > a.redrives then 'd0'
        when d.status = 'delivered' then 's' || d.attempt || 'd'
        when d.status in ('sent', 'bounced') then 's' || d.attempt
        when d.status in ('suppressed', 'expired', 'canceled', 'digested') then 'x'
        when exists (
            select from dead_letters l
            where l.delivery_id = a.delivery_id and l.redrives = a.redrives and l.kind <> 'poison'
        ) then 'd' || d.attempt
    end, 'UTF8') as value
    from asked a join deliveries d on d.delivery_id = a.delivery_id and d.redrives >= a.redrives
), ended as (
    select key, value from known where value is not null
), claimed as (
    insert into delivery_claims as c (key, value, written_at)
    select key, %(fresh)s::bytea, now() from asked where key not in (select key from ended) order by key
    on conflict (key) do update set
        value = case
            when c.written_at <= now() - %(ttl)s::interval then excluded.value
            when substr(c.value, 1, 1) in ('s', 'd', 'x', 'b') or c.value = %(unsure)s::bytea then c.value
            when c.value = 'u' then excluded.value
            when substr(c.value, 1, 1) = 'r' or c.value = %(claimed)s::bytea then %(claimed)s::bytea
            else %(ambiguous)s::bytea
        end,
        written_at = case
            when c.written_at > now() - %(ttl)s::interval and substr(c.value, 1, 1) in ('s', 'd', 'x') then c.written_at
            else now()
        end
    returning key, value
)
select key, value from ended union all select key, value from claimed;

-- name: mark
-- Rules: streams/domain/claim_marks.py `marked`.
insert into delivery_claims as c (key, value, written_at)
select key, value, now() from unnest(%(keys)s::bytea[], %(marks)s::bytea[]) as m (key, value) order by key
on conflict (key) do update set
    value = case
        when c.written_at <= now() - %(ttl)s::interval then excluded.value
        when substr(c.value, 1, 1) in ('s', 'd', 'x') then c.value
        when substr(excluded.value, 1, 1) in ('x', 'b') and substr(c.value, 1, 1) in ('c', 'a', 'u')
            and c.value not in ('a', 'u', %(claimed)s::bytea, %(ambiguous)s::bytea, %(unsure)s::bytea) then c.value
        when substr(excluded.value, 1, 1) in ('s', 'd', 'x', 'b') or c.value = %(claimed)s::bytea then excluded.value
        when c.value = %(ambiguous)s::bytea then 'a'
        when c.value = %(unsure)s::bytea then 'u'
        else c.value
    end,
    written_at = case
        when c.written_at > now() - %(ttl)s::interval and substr(c.value, 1, 1) in ('s', 'd', 'x') then c.written_at
        else now()
    end;

-- name: left
select key, value, (extract(epoch from now() - written_at) * 1000)::bigint as age_ms
from delivery_claims
where key > %(after)s::bytea and written_at > now() - %(ttl)s::interval
order by key
limit %(limit)s;

-- name: forget
-- An end stays for some seconds more: whoever still claims here must not take for new what has just ended.
delete from delivery_claims where key in (
    select c.key
    from delivery_claims c join unnest(%(keys)s::bytea[], %(marks)s::bytea[]) as f (key, value)
        on c.key = f.key and c.value = f.value
    where substr(c.value, 1, 1) not in ('s', 'd', 'x', 'b') or c.written_at < now() - interval '10 seconds'
    order by c.key
    for update of c
);

-- name: forget_expired_claims
delete from delivery_claims where written_at < now() - %(ttl)s::interval;
