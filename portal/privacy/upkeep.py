"""Renew the planner's statistics of the tables an erasure touched: they hold samples of values until then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from portal.config import settings

log = structlog.get_logger(__name__)


def renew_statistics(counts: Mapping[str, Any]) -> bool:
    """ANALYZE the touched tables as the upkeep role; answers whether it was done.

    A worker without that role leaves it to the nightly upkeep, and the certificate says so.
    """
    url = settings().upkeep_database_url
    tables = sorted(counts["tables"])
    if url is None or not tables:
        return url is not None
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SET statement_timeout = '60s'")
            return all(
                bool(connection.scalar(sa.text("SELECT analyze_table(:name)"), {"name": name}))
                for name in tables
            )
    except SQLAlchemyError:
        log.warning("privacy.statistics_not_renewed", tables=len(tables))
        return False
    finally:
        engine.dispose()
