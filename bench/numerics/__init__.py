"""Do the backends agree, and are they right? Every technique on every backend, written down for `bench.analysis`.

`python -m bench.numerics` starts one process a backend and role, and imports no framework itself. The role `float64`
comes first: on JAX, which draws the inputs and the weights that all others load (`backends.oracle` mends what Keras
computes in float32 there), then on TensorFlow as a second witness. Both must agree to 1e-9, no operation may be
narrower, and slopes by central differences, with a step too small for float32, must equal the gradients. The role
`device` computes as users do. Each backend has an environment of its own and adds to one run.

An element's error is told in units of its rounding noise: how far it moves, root mean square, when every operation of
the float64 computation errs at random by the dtype's roundoff. `bench.analysis.statistics.rounding` has the limits,
`bench.analysis.tables.agreement` the verdicts. A technique promises to be finite on zeros, constants, tiny values and
a batch of one; `finite` in its row says otherwise. What must differ gets an entry in `tolerances`: where, by which
factor, why; one that no result needs is told.

In: the catalogue, or a layer of one's own. Out: a run folder (`run_folder`). Nothing here judges.
"""
