"""Requests of persons about their data: access, erasure, holds, certificates, and who saw whom."""
