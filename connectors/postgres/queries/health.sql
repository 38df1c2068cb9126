-- name: version
select version_num from alembic_version;
