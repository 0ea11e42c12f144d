-- due_jobs: what the sweeper must ring for.
-- Why it crosses merchants: one sweeper serves all merchants, and asking each in turn would cost a query per merchant
-- every ten seconds. It returns ids and the name of the queue; the worker then reads the job as its merchant.
-- A queued job is due again when its bell has had time to be heard; a running one when its lease has ended.
CREATE OR REPLACE FUNCTION due_jobs(heard_within interval, at_most integer)
RETURNS TABLE (merchant_id integer, id bigint, queue text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    (SELECT j.merchant_id, j.id, j.queue
     FROM public.job AS j
     WHERE j.state = 'running' AND j.lease_until < now()
     ORDER BY j.lease_until LIMIT at_most)
    UNION ALL
    (SELECT j.merchant_id, j.id, j.queue
     FROM public.job AS j
     WHERE j.state = 'queued' AND j.run_after <= now() AND j.rung_at < now() - heard_within
     ORDER BY j.run_after LIMIT at_most)
$$;

REVOKE ALL ON FUNCTION due_jobs(interval, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION due_jobs(interval, integer) TO portal_app;

-- jobs_waiting: how many jobs wait or run, and since when the first has waited, for the operator's gauges.
-- Why it crosses merchants: the figures are those of the whole installation. It returns two numbers, no row.
CREATE OR REPLACE FUNCTION jobs_waiting()
RETURNS TABLE (queued bigint, running bigint, waiting_since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT (SELECT count(*) FROM public.job AS j WHERE j.state = 'queued'),
           (SELECT count(*) FROM public.job AS j WHERE j.state = 'running'),
           (SELECT min(j.run_after) FROM public.job AS j WHERE j.state = 'queued' AND j.run_after <= now())
$$;

REVOKE ALL ON FUNCTION jobs_waiting() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobs_waiting() TO portal_app;
