"""Imports: files of other systems brought in through mapping, dry run, apply and undo, each a job."""
