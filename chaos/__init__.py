"""Faults at random moments against real processes, and books that show what became of each request.

`python -m chaos --rounds 1000 --seed 1` is the whole; docs/reliability.md says what it shows.
"""
