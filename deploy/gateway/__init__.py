"""The practice gateway: a payment gateway of our own for the demo and the tests. It moves no money.

It does what real ones do badly: it loses answers after doing the work, tells news late, twice and in any order, declines,
disputes and pays out. It is a process of its own, reached over HTTP only, and keeps its book in a file.
"""
