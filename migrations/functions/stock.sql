-- move_stock: change levels by deltas and write the movements that say why, all or nothing. Gives the levels that would
-- promise more than there is, and then nothing was changed; else none.
-- Runs as the caller, behind row-level security. It is a function because every sale waits for it: the plans of a function
-- are kept, as placement.sql says, and the row locks of a level are held for one round trip less
-- (docs/decisions/placing-orders.md has the figures).
-- Levels are locked in one global order (variant, location, slot); those that never were are made. Several moves of one
-- level count together; each movement keeps the figures after it, in the order of the moves.
-- Who holds these levels already, and saw that they have enough, says so: they are not looked at again. The table's
-- constraints would still refuse.
CREATE OR REPLACE FUNCTION move_stock(merchant integer, moves jsonb, are_held boolean, by_kind text, by_id bigint)
RETURNS TABLE (short_variant bigint, short_location bigint, short_slot smallint)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    held integer;
    variants bigint[]; places bigint[]; slots smallint[]; kinds text[];
    on_hands integer[]; allocateds integer[]; reserveds integer[]; unavailables integer[]; damageds integer[]; incomings integer[];
    unavailable_kinds text[]; cause_kinds text[]; cause_ids bigint[]; reason_ids bigint[]; unit_costs numeric[]; notes text[];
BEGIN
    -- Read once; the order of the moves is kept.
    SELECT array_agg(r.variant_id), array_agg(r.location_id), array_agg(r.slot), array_agg(r.kind), array_agg(r.on_hand),
           array_agg(r.allocated), array_agg(r.reserved), array_agg(r.unavailable), array_agg(r.damaged), array_agg(r.incoming),
           array_agg(r.unavailable_kind), array_agg(r.cause_kind), array_agg(r.cause_id), array_agg(r.reason_id),
           array_agg(r.unit_cost), array_agg(r.note)
    INTO variants, places, slots, kinds, on_hands, allocateds, reserveds, unavailables, damageds, incomings,
         unavailable_kinds, cause_kinds, cause_ids, reason_ids, unit_costs, notes
    FROM jsonb_to_recordset(moves) AS r(
        variant_id bigint, location_id bigint, slot smallint, kind text, on_hand integer, allocated integer, reserved integer,
        unavailable integer, damaged integer, incoming integer, unavailable_kind text, cause_kind text, cause_id bigint,
        reason_id bigint, unit_cost numeric, note text);
    FOR attempt IN 1 .. 2 LOOP
        EXIT WHEN are_held;
        PERFORM FROM stock_level AS l
        WHERE l.merchant_id = merchant
          AND (l.variant_id, l.location_id, l.slot) IN (SELECT w.v, w.p, w.s FROM unnest(variants, places, slots) AS w(v, p, s))
        ORDER BY l.variant_id, l.location_id, l.slot
        FOR UPDATE;
        GET DIAGNOSTICS held = ROW_COUNT;
        -- Fewer than the moves: some levels have several, or were never made, or are being made by someone else.
        EXIT WHEN held = cardinality(variants);
        INSERT INTO stock_level (merchant_id, variant_id, location_id, slot)
        SELECT merchant, w.v, w.p, w.s FROM unnest(variants, places, slots) AS w(v, p, s)
        GROUP BY w.v, w.p, w.s ORDER BY w.v, w.p, w.s
        ON CONFLICT DO NOTHING;
    END LOOP;
    IF NOT are_held THEN
        RETURN QUERY
        SELECT l.variant_id, l.location_id, l.slot
        FROM (SELECT w.v, w.p, w.s, sum(w.o) AS o, sum(w.a) AS a, sum(w.r) AS r, sum(w.u) AS u, sum(w.d) AS d, sum(w.i) AS i
              FROM unnest(variants, places, slots, on_hands, allocateds, reserveds, unavailables, damageds, incomings)
                   AS w(v, p, s, o, a, r, u, d, i)
              GROUP BY w.v, w.p, w.s) AS m
        JOIN stock_level AS l ON l.merchant_id = merchant AND l.variant_id = m.v AND l.location_id = m.p AND l.slot = m.s
        WHERE l.on_hand + m.o < 0 OR l.allocated + m.a < 0 OR l.reserved + m.r < 0 OR l.unavailable + m.u < 0 OR l.damaged + m.d < 0
           OR l.incoming + m.i < 0 OR l.damaged + m.d > l.unavailable + m.u
           OR l.on_hand + m.o - l.allocated - m.a - l.reserved - m.r - l.unavailable - m.u < 0
        ORDER BY l.variant_id, l.location_id, l.slot;
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;
    INSERT INTO stock_movement (
        merchant_id, actor_kind, actor_id, variant_id, location_id, slot, kind, on_hand_delta, allocated_delta, reserved_delta,
        unavailable_delta, incoming_delta, unavailable_kind, on_hand_after, promised_after, incoming_after, cause_kind, cause_id,
        reason_id, unit_cost, note)
    SELECT merchant, by_kind, by_id, m.v, m.p, m.s, m.kind, m.o, m.a, m.r, m.u, m.i, m.unavailable_kind,
           l.on_hand + sum(m.o) OVER before, l.allocated + l.reserved + l.unavailable + sum(m.a + m.r + m.u) OVER before,
           l.incoming + sum(m.i) OVER before, m.cause_kind, m.cause_id, m.reason_id, m.unit_cost, m.note
    FROM unnest(variants, places, slots, kinds, on_hands, allocateds, reserveds, unavailables, incomings, unavailable_kinds,
                cause_kinds, cause_ids, reason_ids, unit_costs, notes) WITH ORDINALITY
         AS m(v, p, s, kind, o, a, r, u, i, unavailable_kind, cause_kind, cause_id, reason_id, unit_cost, note, nth)
    JOIN stock_level AS l ON l.merchant_id = merchant AND l.variant_id = m.v AND l.location_id = m.p AND l.slot = m.s
    WINDOW before AS (PARTITION BY m.v, m.p, m.s ORDER BY m.nth)
    ORDER BY m.nth;
    UPDATE stock_level AS l
    SET on_hand = l.on_hand + m.o, allocated = l.allocated + m.a, reserved = l.reserved + m.r, unavailable = l.unavailable + m.u,
        damaged = l.damaged + m.d, incoming = l.incoming + m.i, updated_at = now()
    FROM (SELECT w.v, w.p, w.s, sum(w.o) AS o, sum(w.a) AS a, sum(w.r) AS r, sum(w.u) AS u, sum(w.d) AS d, sum(w.i) AS i
          FROM unnest(variants, places, slots, on_hands, allocateds, reserveds, unavailables, damageds, incomings)
               AS w(v, p, s, o, a, r, u, d, i)
          GROUP BY w.v, w.p, w.s) AS m
    WHERE l.merchant_id = merchant AND l.variant_id = m.v AND l.location_id = m.p AND l.slot = m.s;
    -- A bundle is sold as far as its components reach, so it changes with them.
    INSERT INTO outbox_event (merchant_id, kind, key, payload)
    SELECT merchant, 'stock.changed', 'variant:' || c.id, jsonb_build_object('variant_id', c.id)
    FROM (SELECT unnest(variants) AS id
          UNION
          SELECT b.bundle_id FROM variant_component AS b WHERE b.merchant_id = merchant AND b.component_id = ANY(variants)) AS c
    ORDER BY c.id;
END
$$;

-- hold_levels: levels of variants, with what may be promised of each and where it lies, locked until the transaction ends.
-- Of each variant, named in order: all at active locations (way 'all'); those in which units are kept for the caller (way
-- 'kept'); or one slot per location that has enough and that nobody holds, else all (way 'slot').
-- Nobody waits for a level that comes before one they hold, so no two wait for each other. That is also why a free slot is
-- sought in a subtransaction: a row that changed while it was being locked stays locked even where it has too little now.
CREATE OR REPLACE FUNCTION hold_levels(
    merchant integer, variants bigint[], ways text[], wanted integer[],
    kept_variants bigint[], kept_places bigint[], kept_slots smallint[])
RETURNS TABLE (
    variant_id bigint, location_id bigint, slot smallint, free integer, name text, country_code char(2), "position" integer)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    waited bigint[] := '{}';
    only_kept bigint[] := '{}';
    count_of integer := cardinality(variants);
BEGIN
    FOR i IN 1 .. count_of + 1 LOOP
        IF i > count_of OR ways[i] = 'slot' THEN
            RETURN QUERY
            SELECT l.variant_id, l.location_id, l.slot, l.on_hand - l.allocated - l.reserved - l.unavailable, p.name, p.country_code,
                   p."position"
            FROM stock_level AS l
            JOIN location AS p ON p.merchant_id = l.merchant_id AND p.id = l.location_id
            WHERE l.merchant_id = merchant AND l.variant_id = ANY(waited) AND p.is_active
              AND (l.variant_id <> ALL(only_kept)
                   OR (l.variant_id, l.location_id, l.slot) IN (SELECT k.v, k.p, k.s
                                                                FROM unnest(kept_variants, kept_places, kept_slots) AS k(v, p, s)))
            ORDER BY l.variant_id, l.location_id, l.slot
            FOR UPDATE OF l;
            EXIT WHEN i > count_of;
            waited := '{}';
            BEGIN
                RETURN QUERY
                SELECT l.variant_id, l.location_id, l.slot, l.free, p.name, p.country_code, p."position"
                FROM location AS p
                CROSS JOIN LATERAL (
                    SELECT s.variant_id, s.location_id, s.slot, s.on_hand - s.allocated - s.reserved - s.unavailable AS free
                    FROM stock_level AS s
                    WHERE s.merchant_id = merchant AND s.variant_id = variants[i] AND s.location_id = p.id
                      AND s.on_hand - s.allocated - s.reserved - s.unavailable >= wanted[i]
                    ORDER BY random() LIMIT 1
                    FOR UPDATE SKIP LOCKED) AS l
                WHERE p.merchant_id = merchant AND p.is_active;
                CONTINUE WHEN FOUND;
                RAISE EXCEPTION 'no slot is free' USING ERRCODE = 'lock_not_available';
            EXCEPTION WHEN lock_not_available THEN
                NULL;
            END;
        ELSIF ways[i] = 'kept' THEN
            only_kept := only_kept || variants[i];
        END IF;
        waited := waited || variants[i];
    END LOOP;
END
$$;

-- begin_act: what every change of stock by hand asks first, in one trip: whether its form comes for the first time (a second
-- request waits for the first one's end) and else whether it asked for the same then; what level it is about; and all that it
-- must hold to. The location is held until the end, so that nobody closes it over units that are just being put there.
CREATE OR REPLACE FUNCTION begin_act(
    merchant integer, form uuid, of_act text, of_variant bigint, at_place bigint, of_units integer, with_reason bigint, person bigint)
RETURNS TABLE (
    is_new boolean, is_same boolean, sku text, place text, is_open boolean, is_counted boolean, is_bundle boolean, is_reason boolean,
    needs_reason boolean)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    is_first boolean := true;
    is_known boolean := true;
BEGIN
    IF form IS NOT NULL THEN
        INSERT INTO stock_adjustment (merchant_id, token, variant_id, location_id, act, delta)
        VALUES (merchant, form, of_variant, at_place, of_act, of_units)
        ON CONFLICT DO NOTHING;
        is_first := FOUND;
    END IF;
    IF NOT is_first THEN
        SELECT (a.act, a.variant_id, a.location_id, a.delta) = (of_act, of_variant, at_place, of_units) INTO STRICT is_known
        FROM stock_adjustment AS a WHERE a.merchant_id = merchant AND a.token = form;
    END IF;
    PERFORM FROM location AS l WHERE l.merchant_id = merchant AND l.id = at_place FOR SHARE;
    RETURN QUERY SELECT
        is_first, is_known, v.sku, l.name, l.is_active, v.is_stocked,
        EXISTS (SELECT FROM variant_component AS c WHERE c.merchant_id = merchant AND c.bundle_id = v.id),
        EXISTS (SELECT FROM stock_reason AS r WHERE r.merchant_id = merchant AND r.id = with_reason AND r.is_active),
        EXISTS (SELECT FROM membership AS m JOIN stock_setting AS s ON s.merchant_id = m.merchant_id
                WHERE m.merchant_id = merchant AND m.user_id = person AND s.reason_role_ids @> to_jsonb(m.role_id))
    FROM variant AS v JOIN location AS l ON l.merchant_id = v.merchant_id
    WHERE v.merchant_id = merchant AND v.id = of_variant AND l.id = at_place;
END
$$;
