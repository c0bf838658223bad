"""Measures the layers of `dl_techniques` on three backends: a command a room, and `analysis` for what they leave.

`workloads` is what is measured, `run` how; `regress` and `numerics` are the other commands, on top of `run`.
"""
