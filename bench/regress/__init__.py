"""Compares the speed of two revisions, or of a revision with stored results: `python -m bench.regress`."""
