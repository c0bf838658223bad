"""What a person reads: the pages, the tables in a terminal, JSON. The only room that writes files.

In: tables and figures. Out: `results/report`, and text. Nothing here computes a number that a reader is told.
"""
