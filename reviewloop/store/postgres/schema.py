"""The tables of a shared store; Procrastinate and LangGraph keep their own beside them."""

VERSION = 3  # of 1 there were no figures, of 2 no heartbeats; tables are added to what is there
SIGNS_THAT_LACK = 3  # heartbeats of a worker; then it is taken for dead
NAMESPACE = "reviewloop"  # all tables stand in a schema of this name

TABLES = f"""
CREATE SCHEMA IF NOT EXISTS {NAMESPACE};
CREATE TABLE IF NOT EXISTS batches (
    batch_id text PRIMARY KEY, repository text NOT NULL, branch text NOT NULL,
    created_at double precision NOT NULL,
    about text NOT NULL, record text NOT NULL, account text NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS batches_of ON batches (repository, branch, created_at);
CREATE TABLE IF NOT EXISTS runs (
    run_id text PRIMARY KEY, batch_id text NOT NULL, repository text NOT NULL,
    branch text NOT NULL, status text NOT NULL,
    created_at double precision NOT NULL, updated_at double precision NOT NULL,
    record text NOT NULL, shown text NOT NULL DEFAULT '', proposal text NOT NULL DEFAULT '',
    note text NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS runs_of ON runs (repository, branch, created_at);
CREATE TABLE IF NOT EXISTS calls (
    run_id text NOT NULL REFERENCES runs ON DELETE CASCADE, number bigint NOT NULL,
    key text NOT NULL, call text NOT NULL, request bytea NOT NULL, reply bytea NOT NULL,
    PRIMARY KEY (run_id, key)
);
CREATE TABLE IF NOT EXISTS files (
    run_id text NOT NULL REFERENCES runs ON DELETE CASCADE, path text NOT NULL,
    start bigint NOT NULL, data bytea NOT NULL, PRIMARY KEY (run_id, path, start)
);
CREATE INDEX IF NOT EXISTS files_named ON files (path);
CREATE TABLE IF NOT EXISTS buckets (quota text PRIMARY KEY, bucket text NOT NULL);
CREATE TABLE IF NOT EXISTS figures (
    run_id text PRIMARY KEY, repository text NOT NULL, begun_at double precision NOT NULL,
    record_at double precision NOT NULL, body text NOT NULL
);
CREATE TABLE IF NOT EXISTS specs (
    repository text NOT NULL, path text NOT NULL, born_at double precision NOT NULL,
    PRIMARY KEY (repository, path)
);
CREATE TABLE IF NOT EXISTS heartbeats (
    worker_id bigint PRIMARY KEY, seconds double precision NOT NULL
);
CREATE TABLE IF NOT EXISTS about (version integer NOT NULL);
"""
