-- merchants_with_events: who has events that a consumer has not handled.
-- Why it crosses merchants: one dispatcher serves all merchants; asking each would cost a query per merchant and second.
-- It returns merchant ids only. It walks from merchant to merchant and from cluster to cluster by index probes, so its
-- cost does not grow with the number of events. since bounds the partitions it looks into; 0 looks into all.
CREATE OR REPLACE FUNCTION merchants_with_events(consumers text[], since bigint)
RETURNS SETOF integer
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    merchant integer := -1;
    place bigint;
    name text;
    seen record;
BEGIN
    <<merchants>>
    LOOP
        SELECT e.merchant_id INTO merchant FROM public.outbox_event AS e
        WHERE e.merchant_id > merchant AND e.id >= since ORDER BY e.merchant_id LIMIT 1;
        EXIT WHEN NOT FOUND;
        place := -9223372036854775808;
        LOOP
            SELECT e.cluster INTO place FROM public.outbox_event AS e
            WHERE e.merchant_id = merchant AND e.cluster > place AND e.id >= since ORDER BY e.cluster LIMIT 1;
            EXIT WHEN NOT FOUND;
            FOREACH name IN ARRAY consumers LOOP
                SELECT c.xid, c.event_id, c.retry_at INTO seen FROM public.outbox_cursor AS c
                WHERE c.merchant_id = merchant AND c.consumer = name AND c.cluster = place;
                CONTINUE WHEN seen.retry_at > now();
                IF EXISTS (
                    SELECT FROM public.outbox_event AS e
                    WHERE e.merchant_id = merchant AND e.cluster = place AND e.id >= since
                      AND (e.xid, e.id) > (coalesce(seen.xid, '0'::xid8), coalesce(seen.event_id, 0))
                ) THEN
                    RETURN NEXT merchant;
                    CONTINUE merchants;
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION merchants_with_events(text[], bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION merchants_with_events(text[], bigint) TO portal_app;
