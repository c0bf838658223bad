"""Times the compilation of forward passes with gradients: once from nothing, and from a filled cache on disk."""

from bench.run.cells import Cell
from bench.run.worker import Worker

METRICS = ("compile_cold", "compile_warm")


def bench_compile(benchmark, worker: Worker, cell: Cell):
    worker.time_compilation(benchmark, cell)
