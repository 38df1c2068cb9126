-- name: lead
select pg_try_advisory_lock(7184302);

-- name: next_rows
select outbox_id, topic, key, value, headers from outbox order by outbox_id limit %(limit)s;

-- name: forget_rows
delete from outbox where outbox_id = any(%(ids)s);

-- name: waiting
select count(*) from outbox;
