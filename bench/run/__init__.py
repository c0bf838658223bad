"""Launches: processes that measure a list of cases once, and the one that watches over them.

In: a plan (`launches.Plan`). Out: pytest-benchmark's JSON and a journal in the folder of the run, and what the machine
is. The supervisor's side imports no framework; `plugin`, `worker`, `programs` and `measure` run in the launch. Nothing
here knows what becomes of the results.
"""
