"""Long work that operations itself offers."""

from __future__ import annotations

from portal.core.audit.verifying import Report, verify_log
from portal.core.errors import DomainError
from portal.core.jobs import JobRun, job


@job("audit.verify", title="Verify the audit log", permission="audit.view")
def verify_audit_log(run: JobRun) -> None:
    """Replay the chain; each place where the log is not what was sealed is a failed row of the job."""
    report = verify_log(run.progress)
    for number, problem in enumerate(report.problems, start=1):
        run.item(f"{number:03d}", ok=False, message=problem.text)
    run.commit(done=report.entries, note=summary_of(report))
    if not report.is_whole:
        raise DomainError(f"The log is not what was sealed: {report.count} problems were found.")


def summary_of(report: Report) -> str:
    """One sentence on what was checked."""
    return (
        f"Checked {report.entries:,} entries in {report.seals:,} seals against {report.heads:,} signed heads;"
        f" {report.unsealed:,} newer entries are not sealed yet."
    )
