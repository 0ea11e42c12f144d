-- reserve_units: keep units of one variant for many buyers at once, in one statement.
-- Runs as the caller, behind row-level security. It is a function because the row lock that a hot variant waits for must not be
-- held while an answer travels to a client and back (docs/decisions/hot-variants.md has the figures).
-- For each item: made (with the reservation's id), short (fewer units are left), known (something is kept under the key
-- already), other (a bundle, or not counted). A slot that nobody holds gives the units where one has enough; else all
-- slots are waited for, in the order in which levels are locked everywhere, so that none is refused while units remain.
CREATE OR REPLACE FUNCTION reserve_units(
    merchant integer, variant bigint, places bigint[], buffer integer,
    keys text[], units integer[], holders text[], channels bigint[], ends timestamptz[],
    actor_kinds text[], actor_ids bigint[])
RETURNS TABLE (item integer, outcome text, reservation bigint)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    outcomes text[] := array_fill('short'::text, ARRAY[cardinality(keys)]);
    made bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(keys)]);
    held record;
    at_place bigint[];
    at_slot smallint[];
    free integer[];
    on_hand integer[];
    promised integer[];
    incoming integer[];
    taken integer[];
    wanted bigint := 0;
    left_over bigint;
    need integer;
    part integer;
    line_no integer;
    written integer;
    made_count integer := 0;
    waits boolean;
    line_item integer[] := '{}';
    line_n integer[] := '{}';
    line_level integer[] := '{}';
    line_units integer[] := '{}';
    line_promised integer[] := '{}';
BEGIN
    IF NOT EXISTS (SELECT FROM variant AS v WHERE v.merchant_id = merchant AND v.id = variant AND v.is_stocked)
       OR EXISTS (SELECT FROM variant_component AS c WHERE c.merchant_id = merchant AND c.bundle_id = variant) THEN
        RETURN QUERY SELECT n, 'other'::text, NULL::bigint FROM generate_series(1, cardinality(keys)) AS n;
        RETURN;
    END IF;
    FOR held IN
        SELECT array_position(keys, r.key) AS n FROM stock_reservation AS r
        WHERE r.merchant_id = merchant AND r.key = ANY(keys) AND r.state = 'held'
    LOOP
        outcomes[held.n] := 'known';
    END LOOP;
    FOR i IN 1 .. cardinality(keys) LOOP
        IF outcomes[i] = 'short' THEN
            wanted := wanted + units[i];
        END IF;
    END LOOP;

    -- First a slot that nobody holds. In a subtransaction, as in hold_levels: a row that changed while it was being locked must
    -- not stay locked. All is written in it, too: a row locked in one and changed in another costs a multixact each time.
    FOREACH waits IN ARRAY ARRAY[false, true] LOOP
        CONTINUE WHEN buffer > 0 AND NOT waits;
        BEGIN
            IF waits THEN
                -- Twice, when it is not enough: while we waited, units may have been spread over slots that were not there when
                -- the statement began. With the first slot held nobody can do so again.
                FOR attempt IN 1 .. 2 LOOP
                    SELECT array_agg(h.location_id ORDER BY h.preference, h.slot), array_agg(h.slot ORDER BY h.preference, h.slot),
                           array_agg(h.on_hand ORDER BY h.preference, h.slot), array_agg(h.promised ORDER BY h.preference, h.slot),
                           array_agg(h.incoming ORDER BY h.preference, h.slot), coalesce(sum(h.on_hand - h.promised), 0)
                    INTO at_place, at_slot, on_hand, promised, incoming, left_over
                    FROM (
                        SELECT l.location_id, l.slot, l.on_hand, l.allocated + l.reserved + l.unavailable AS promised, l.incoming,
                               array_position(places, l.location_id) AS preference
                        FROM stock_level AS l
                        WHERE l.merchant_id = merchant AND l.variant_id = variant AND l.location_id = ANY(places)
                        ORDER BY l.location_id, l.slot
                        FOR UPDATE) AS h;
                    EXIT WHEN left_over - buffer >= wanted;
                END LOOP;
            ELSE
                SELECT ARRAY[l.location_id], ARRAY[l.slot], ARRAY[l.on_hand], ARRAY[l.allocated + l.reserved + l.unavailable],
                       ARRAY[l.incoming]
                INTO STRICT at_place, at_slot, on_hand, promised, incoming
                FROM stock_level AS l
                WHERE l.merchant_id = merchant AND l.variant_id = variant AND l.location_id = ANY(places)
                  AND l.on_hand - l.allocated - l.reserved - l.unavailable >= wanted
                ORDER BY array_position(places, l.location_id), random()
                LIMIT 1
                FOR UPDATE SKIP LOCKED;
            END IF;

            left_over := -buffer;
            FOR j IN 1 .. coalesce(cardinality(at_place), 0) LOOP
                free[j] := on_hand[j] - promised[j];
                taken[j] := 0;
                left_over := left_over + free[j];
            END LOOP;
            FOR i IN 1 .. cardinality(keys) LOOP
                CONTINUE WHEN outcomes[i] <> 'short' OR units[i] > left_over;
                outcomes[i] := 'made';
                made[i] := new_id(clock_timestamp());
                made_count := made_count + 1;
                left_over := left_over - units[i];
                need := units[i];
                line_no := 0;
                FOR j IN 1 .. cardinality(at_place) LOOP
                    EXIT WHEN need = 0;
                    part := least(need, free[j]);
                    CONTINUE WHEN part = 0;
                    line_no := line_no + 1;
                    need := need - part;
                    free[j] := free[j] - part;
                    taken[j] := taken[j] + part;
                    promised[j] := promised[j] + part;
                    line_item := line_item || i;
                    line_n := line_n || line_no;
                    line_level := line_level || j;
                    line_units := line_units || part;
                    line_promised := line_promised || promised[j];
                END LOOP;
            END LOOP;

            IF made_count > 0 THEN
                INSERT INTO stock_reservation AS r (merchant_id, id, key, holder, channel_id, unit_count, expires_at)
                SELECT merchant, a.id, a.key, a.holder, a.channel, a.units, a.ends
                FROM unnest(made, keys, holders, channels, units, ends) AS a(id, key, holder, channel, units, ends)
                WHERE a.id IS NOT NULL
                ON CONFLICT (merchant_id, key) WHERE state = 'held' DO NOTHING;
                GET DIAGNOSTICS written = ROW_COUNT;
                IF written < made_count THEN
                    RAISE EXCEPTION 'a key was taken meanwhile' USING ERRCODE = 'serialization_failure';
                END IF;
                INSERT INTO stock_reservation_line (merchant_id, reservation_id, n, variant_id, location_id, slot, quantity)
                SELECT merchant, made[w.item], w.n, variant, at_place[w.level], at_slot[w.level], w.units
                FROM unnest(line_item, line_n, line_level, line_units) AS w(item, n, level, units);
                UPDATE stock_level AS l
                SET reserved = l.reserved + t.units, updated_at = now()
                FROM unnest(at_place, at_slot, taken) AS t(place, slot, units)
                WHERE l.merchant_id = merchant AND l.variant_id = variant AND l.location_id = t.place AND l.slot = t.slot AND t.units > 0;
                INSERT INTO stock_movement (
                    merchant_id, variant_id, location_id, slot, kind, reserved_delta, on_hand_after, promised_after, incoming_after,
                    cause_kind, cause_id, actor_kind, actor_id)
                SELECT merchant, variant, at_place[w.level], at_slot[w.level], 'reserved', w.units, on_hand[w.level], w.promised,
                       incoming[w.level], 'reservation', made[w.item], actor_kinds[w.item], actor_ids[w.item]
                FROM unnest(line_item, line_level, line_units, line_promised) AS w(item, level, units, promised);
                INSERT INTO outbox_event (merchant_id, kind, key, payload)
                SELECT merchant, 'stock.changed', 'variant:' || c.id, jsonb_build_object('variant_id', c.id)
                FROM (SELECT variant AS id UNION SELECT p.bundle_id FROM variant_component AS p
                      WHERE p.merchant_id = merchant AND p.component_id = variant) AS c;
            END IF;
            EXIT;
        EXCEPTION WHEN no_data_found THEN
            NULL;
        END;
    END LOOP;
    RETURN QUERY SELECT n, outcomes[n], made[n] FROM generate_series(1, cardinality(keys)) AS n;
END
$$;

-- merchants_with_expired_reservations: whose kept units have run out.
-- Why it crosses merchants: one scheduler serves all merchants; asking each would cost a query per merchant every ten seconds.
-- It returns merchant ids only.
CREATE OR REPLACE FUNCTION merchants_with_expired_reservations()
RETURNS SETOF integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT r.merchant_id FROM public.stock_reservation AS r
    WHERE r.state = 'held' AND r.expires_at <= now()
$$;

REVOKE ALL ON FUNCTION merchants_with_expired_reservations() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION merchants_with_expired_reservations() TO portal_app;

-- merchants_with_cooling_variants: who has variants that became hot by themselves and that nobody has wanted for long.
-- Why it crosses merchants: as above. It returns merchant ids only.
CREATE OR REPLACE FUNCTION merchants_with_cooling_variants(calm interval)
RETURNS SETOF integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT h.merchant_id FROM public.hot_variant AS h
    WHERE h.is_automatic AND h.wanted_at < now() - calm
$$;

REVOKE ALL ON FUNCTION merchants_with_cooling_variants(interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION merchants_with_cooling_variants(interval) TO portal_app;
