"""Times forward passes with the gradients of all inputs and weights."""

from bench.run.cells import Cell
from bench.run.worker import Worker

METRICS = ("backward",)


def bench_backward(benchmark, worker: Worker, cell: Cell):
    worker.time_step(benchmark, cell)
