-- Once, as the superuser, on the primary: psql -v password=... -f database.sql
-- The role owns the database, where the first worker makes the schema `daybook` and its tables.
create role daybook login password :'password' connection limit 80;
create database daybook owner daybook encoding 'UTF8' locale 'C.UTF-8' template template0;
revoke all on database daybook from public;
-- To see whether a synchronous standby follows; without it the status cannot tell, and warns of none.
grant pg_monitor to daybook;
