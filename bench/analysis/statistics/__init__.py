"""Pure functions of numbers: intervals, steps, what a comparison of versions decides, errors in units of rounding.

In: arrays. Out: numbers and verdicts. No files, no tables, no columns.
"""
