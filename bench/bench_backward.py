"""Times forward passes with the gradients of all inputs and weights."""

from bench.worker import Worker
from bench.workloads import Cell

METRICS = ("backward",)


def bench_backward(benchmark, worker: Worker, cell: Cell):
    worker.time_step(benchmark, cell)
