"""How a job ends other than well."""

from __future__ import annotations


class JobCancelledError(Exception):
    """Somebody cancelled the job; raised inside the handler at its next progress or commit."""


class JobStoppedError(Exception):
    """The worker is shutting down; the job goes back to the queue and goes on from its checkpoint."""


class LeaseLostError(Exception):
    """The job was taken over: this attempt may write nothing any more."""


class RetryLaterError(Exception):
    """Something outside did not work this time. The job is tried again, later each time.

    Args:
        message: a plain sentence for the job's page, without personal data.
        seconds: when to try again, if known better than by doubling.
    """

    def __init__(self, message: str, *, seconds: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.seconds = seconds
