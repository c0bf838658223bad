"""Compares the speed of two revisions, or of a revision with stored results: `python -m bench.regress`.

In: git refs, cells. Out: verdicts, exit code, a page of `bench.analysis`. Launches are those of `bench.run`.
"""
