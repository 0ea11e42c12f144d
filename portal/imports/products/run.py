"""Check and apply a product file: compare every draft with what stands, then list the differences or write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from portal.core.database import db
from portal.core.formats import plural
from portal.core.jobs import JobRun
from portal.core.normalise import code_key
from portal.imports.formats import FORMATS
from portal.imports.journal import has_entries
from portal.imports.listed import Listed
from portal.imports.models import Import, RowOutcome
from portal.imports.products.apply import ProductOptions, ProductWriter
from portal.imports.products.compare import Comparison, Known, compare, known_for
from portal.imports.products.drafts import ProductDraft, RowProblem
from portal.imports.products.reading import read_drafts
from portal.imports.products.stock import open_stock, openings
from portal.imports.reading.table import Table
from portal.imports.rejects import keep_rejects
from portal.imports.services import refuse_other_outcome

BATCH: Final = 50


def check_products(found: Import, table: Table, run: JobRun) -> None:
    """The dry run: every product compared, nothing written."""
    check = _Pass(found, table, run, listed=Listed(found.id))
    check.run()
    found.counts = check.outcome()
    check.keep_rejects(found)


def apply_products(found: Import, table: Table, run: JobRun) -> None:
    """Write what the check announced, a batch of products per transaction. Products written before a crash are found
    unchanged.

    Raises:
        ConflictError: the shop changed since the check; nothing was written.
    """
    if not has_entries(found.id):
        again = _Pass(found, table, run)
        again.run()
        refuse_other_outcome(found, again.outcome())
    _Pass(
        found, table, run, writer=ProductWriter(found.id, ProductOptions.from_dict(found.options), by=run.by)
    ).run()


class _Pass:
    """One way through the file: comparing only, or with a writer."""

    def __init__(
        self,
        found: Import,
        table: Table,
        run: JobRun,
        *,
        listed: Listed | None = None,
        writer: ProductWriter | None = None,
    ) -> None:
        self._import_id = found.id
        self._format = FORMATS[found.format]
        self._mapping = dict(found.mapping)
        self._table = table
        self._run = run
        self._options = ProductOptions.from_dict(found.options)
        self._listed = listed
        self._writer = writer
        self._counts: Counter[str] = Counter()
        self._seen: dict[str, int] = {}
        self._rejected: list[tuple[int, str]] = []
        self._labels = {field.key: field.label for field in self._format.fields}

    def run(self) -> None:
        """Go through the whole file."""
        drafts = read_drafts(self._format.key, self._table, self._mapping, self._options.decimal_mark)
        while batch := list(islice(drafts, BATCH)):
            self._batch(batch)
            self._counts["rows"] += sum(len(item.rows) for item in batch)
            self._run.commit(
                done=self._counts["rows"],
                note="Comparing products" if self._writer is None else "Writing products",
            )
            self._run.progress(self._counts["rows"])

    def outcome(self) -> dict[str, Any]:
        """What the pass counted."""
        rejected = len(self._rejected)
        reasons = Counter(reason for _, reason in self._rejected).most_common(50)
        empty = dict.fromkeys(("created", "updated", "unchanged", "variants", "opening_stock", "rows"), 0)
        return (
            empty
            | self._counts
            | {
                "rejected": rejected,
                "imported": self._counts["rows"] - rejected,
                "reasons": [[None, reason, count] for reason, count in reasons],
            }
        )

    def keep_rejects(self, found: Import) -> None:
        """Keep the refused rows as a file."""
        found.rejects_key = None
        if self._rejected:
            keep_rejects(found, self._table, sorted(self._rejected))

    def _batch(self, batch: list[ProductDraft | RowProblem]) -> None:
        drafts = [item for item in batch if isinstance(item, ProductDraft)]
        known = known_for(drafts, self._options.currency)
        taken: list[ProductDraft] = []
        for item in batch:
            if isinstance(item, RowProblem):
                self._reject(item)
                continue
            comparison = compare(item, known)
            problem = self._used_before(item) or comparison.problem
            if problem:
                self._reject(RowProblem(item.rows, None, problem, item.rows[0]))
                continue
            taken.append(item)
            self._one(comparison, known)
        if self._writer is None:
            self._counts["opening_stock"] += self._openings_ahead(taken, known)
        else:
            open_stock(self._import_id, taken, self._options, by=self._run.by)
            db.session.expire_all()

    def _one(self, comparison: Comparison, known: Known) -> None:
        outcome = (
            "created"
            if comparison.product is None
            else ("updated" if comparison.differences else "unchanged")
        )
        self._counts[outcome] += 1
        self._counts["variants"] += len(comparison.draft.variants)
        if self._listed is not None:
            self._listed.add(RowOutcome.DIFFERENCE, _differences(comparison))
        if self._writer is not None:
            self._writer.write(comparison, known)

    def _openings_ahead(self, drafts: list[ProductDraft], known: Known) -> int:
        """Variants that would get an opening balance: those that may, and those that do not stand yet."""
        new = sum(
            bool(variant.stock and variant.is_stocked)
            for draft in drafts
            for variant in draft.variants
            if code_key(variant.sku) not in known.variants
        )
        return len(openings(drafts, self._options)) + new * self._options.takes_stock

    def _used_before(self, draft: ProductDraft) -> str | None:
        """A SKU belongs to one product of the file: the second one is refused."""
        keys = [key for variant in draft.variants if (key := code_key(variant.sku))]
        first = next((self._seen[key] for key in keys if key in self._seen), None)
        if first is not None:
            return f"holds a SKU that row {first} has already"
        self._seen.update(dict.fromkeys(keys, draft.rows[0]))
        return None

    def _reject(self, problem: RowProblem) -> None:
        said = (
            f"{self._labels.get(problem.field, problem.field)} {problem.reason}"
            if problem.field
            else f"The row {problem.reason}"
        )
        rows: list[dict[str, Any]] = []
        for number in problem.rows:
            is_fault = number == problem.row_at_fault
            reason = (
                said
                if is_fault
                else f"The row belongs to a product whose row {problem.row_at_fault} was refused"
            )
            self._rejected.append((number, reason))
            rows.append(
                {"row_number": number, "field": problem.field if is_fault else None, "reason": reason}
            )
        if self._listed is not None:
            self._listed.add(RowOutcome.REJECTED, rows)


def _differences(comparison: Comparison) -> Iterator[dict[str, Any]]:
    draft = comparison.draft
    for row_number, note in draft.notes:
        yield {"row_number": row_number, "reason": note, "subject": draft.title[:120]}
    if comparison.product is None:
        yield {
            "row_number": draft.rows[0],
            "field": "product",
            "reason": "New product",
            "subject": draft.title[:120],
            "after": f"{plural(len(draft.variants), 'variant', 'variants')}, {plural(len(draft.images), 'picture', 'pictures')}",
        }
    for change in comparison.differences:
        yield {
            "row_number": change.row_number,
            "field": change.field[:60],
            "reason": "Changes",
            "subject": change.subject,
            "before": change.before,
            "after": change.after,
        }
