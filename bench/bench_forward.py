"""Times forward passes."""

from bench.cells import Cell
from bench.worker import Worker

METRICS = ("forward",)


def bench_forward(benchmark, worker: Worker, cell: Cell):
    worker.time_step(benchmark, cell)
