"""Order history: lines of past sales become orders, refunds and a stock ledger that leaves today's stock alone.

``staging`` reads the file into temporary tables, ``settle`` decides in SQL what each row is, ``matching`` finds what a
cancellation cancels, ``apply`` writes orders in batches, ``ledger`` the movements, ``undo`` takes all of it back.
"""
