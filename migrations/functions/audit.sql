-- merchants_with_unsealed_entries: whose audit entries are not in the chain yet.
-- Why it crosses merchants: one sealer serves all merchants. It returns merchant ids only, by index probes as
-- merchants_with_events does.
CREATE OR REPLACE FUNCTION merchants_with_unsealed_entries(since bigint)
RETURNS SETOF integer
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    merchant integer := -1;
    place bigint;
    seal record;
BEGIN
    <<merchants>>
    LOOP
        SELECT e.merchant_id INTO merchant FROM public.audit_entry AS e
        WHERE e.merchant_id > merchant AND e.id >= since ORDER BY e.merchant_id LIMIT 1;
        EXIT WHEN NOT FOUND;
        place := -9223372036854775808;
        LOOP
            SELECT e.cluster INTO place FROM public.audit_entry AS e
            WHERE e.merchant_id = merchant AND e.cluster > place AND e.id >= since ORDER BY e.cluster LIMIT 1;
            EXIT WHEN NOT FOUND;
            SELECT s.last_xid, s.entry_ids[cardinality(s.entry_ids)] AS last_id INTO seal FROM public.audit_seal AS s
            WHERE s.merchant_id = merchant AND s.cluster = place ORDER BY s.number DESC LIMIT 1;
            IF EXISTS (
                SELECT FROM public.audit_entry AS e
                WHERE e.merchant_id = merchant AND e.cluster = place AND e.id >= since
                  AND (e.xid, e.id) > (coalesce(seal.last_xid, '0'::xid8), coalesce(seal.last_id, 0))
            ) THEN
                RETURN NEXT merchant;
                CONTINUE merchants;
            END IF;
        END LOOP;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION merchants_with_unsealed_entries(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION merchants_with_unsealed_entries(bigint) TO portal_app;
