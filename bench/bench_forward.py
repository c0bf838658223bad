"""Times forward passes."""

from bench.worker import Worker
from bench.workloads import Cell

METRICS = ("forward",)


def bench_forward(benchmark, worker: Worker, cell: Cell):
    worker.time_step(benchmark, cell)
