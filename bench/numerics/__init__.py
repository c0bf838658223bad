"""Do the backends agree, and are they right? Every technique on every backend, written down for `bench.analysis`.

`python -m bench.numerics` starts one process a backend and role, and imports no framework itself. The oracle, JAX in
float64, comes first: it draws the inputs and the weights that all others load.
"""
