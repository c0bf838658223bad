"""Times forward passes."""

from bench.run.cells import Cell
from bench.run.worker import Worker

METRICS = ("forward",)


def bench_forward(benchmark, worker: Worker, cell: Cell):
    worker.time_step(benchmark, cell)
