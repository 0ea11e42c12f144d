-- Functions every table stands on. Each says why it exists; a test reads this folder.

-- Time-ordered ids: 41 bits of milliseconds since 1990-01-01, 22 bits of a sequence. Volatile, so it stands in
-- INSERT defaults only.
CREATE SEQUENCE IF NOT EXISTS id_sequence AS bigint MINVALUE 0 MAXVALUE 4194303 START 0 CYCLE CACHE 32;

CREATE OR REPLACE FUNCTION id_floor(at timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (floor(extract(epoch FROM at) * 1000)::bigint - 631152000000) << 22;

CREATE OR REPLACE FUNCTION id_time(id bigint) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_timestamp(((id >> 22) + 631152000000) / 1000.0);

CREATE OR REPLACE FUNCTION new_id(at timestamptz) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN id_floor(at) | nextval('id_sequence'::regclass);

-- Digits a currency is charged in (ISO 4217), for checks on charged amounts. The list is closed in the standard's
-- own pace: a change comes with a migration.
CREATE OR REPLACE FUNCTION fits_minor_units(amount numeric, currency char(3)) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN amount = round(amount, CASE
    WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV',
                      'XAF', 'XOF', 'XPF') THEN 0
    WHEN currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3
    WHEN currency IN ('CLF', 'UYW') THEN 4
    ELSE 2 END);
