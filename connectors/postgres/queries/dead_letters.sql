-- name: page
select
    dead_letter_id, kind, reason, provider, notification_id, delivery_id, recipient_id, type, channel, attempt,
    redrives, origin_topic, origin_partition, origin_offset, dead_at, redriven_at
from dead_letters
where
    (%(before_at)s::timestamptz is null or (dead_at, dead_letter_id) < (%(before_at)s, %(before_id)s))
    and (%(channel)s::text is null or channel = %(channel)s)
    and (%(kind)s::text is null or kind = %(kind)s)
    and (%(redriven)s::boolean is null or (redriven_at is not null) = %(redriven)s)
order by dead_at desc, dead_letter_id desc
limit %(limit)s;

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

-- name: note_redriven
update dead_letters set redriven_at = to_timestamp(%(now)s / 1000.0) where dead_letter_id = %(dead_letter_id)s;
