"""Invoices, credit notes, slips: numbered, sealed, set as PDF, sent."""
