-- name: find
select secret_hash from api_keys where key_id = %(key_id)s and revoked_at is null;

-- name: add
insert into api_keys (key_id, name, secret_hash) values (%(key_id)s, %(name)s, %(secret_hash)s);

-- name: list
select key_id, name, created_at, revoked_at from api_keys order by created_at, key_id;

-- name: revoke
update api_keys set revoked_at = now() where key_id = %(key_id)s and revoked_at is null returning key_id;
