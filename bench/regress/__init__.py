"""Compares the speed of two revisions, or of a revision with stored results: `python -m bench.regress`.

Both revisions are checked out into git worktrees below `results/regress/<run>/`, the working tree as a commit that no
branch has. Pairs of launches, base and head, live side by side, each measuring its own library with its own suite;
they measure every case in turns, an eighth of its rounds a visit, in the order ABBA (`bench.run.turns`), so that the
machine's drift hits both alike, and what differs between processes is replicated by pairs. Five pairs screen all
cells, up to twelve new pairs confirm the flagged ones (`bench.analysis.statistics.revisions` decides). `--calibrate`
compares the working tree with itself and keeps each cell's noise floor; a later difference counts only from twice
that floor.

In: git refs, cells. Out: verdicts, an exit code, a page. The launches are those of `bench.run`.
"""
