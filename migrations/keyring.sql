-- The key database: apart from the data, with backups of its own that expire sooner. Safe to run again.

CREATE TABLE IF NOT EXISTS person_key (
    merchant_id integer NOT NULL,
    subject_id bigint NOT NULL,
    wrapped_key bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    PRIMARY KEY (merchant_id, subject_id),
    -- A destroyed key leaves its row, so that none is ever made again for an erased person.
    CONSTRAINT person_key_destroyed_check CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL))
);

-- One key per person, legal basis and end date, for what the law demands beyond erasure.
CREATE TABLE IF NOT EXISTS retention_key (
    merchant_id integer NOT NULL,
    subject_id bigint NOT NULL,
    basis text NOT NULL,
    until date NOT NULL,
    wrapped_key bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    PRIMARY KEY (merchant_id, subject_id, basis, until),
    CONSTRAINT retention_key_destroyed_check CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL))
);

CREATE INDEX IF NOT EXISTS retention_key_due_idx ON retention_key (until) WHERE wrapped_key IS NOT NULL;

-- Keys are short rows that are rewritten once; a dead row holds a wrapped key until it is vacuumed away.
ALTER TABLE person_key SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 0);
ALTER TABLE retention_key SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 0);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'portal_app') THEN
        GRANT USAGE ON SCHEMA public TO portal_app;
        GRANT SELECT, INSERT, UPDATE ON person_key, retention_key TO portal_app;
    END IF;
END
$$;
