import math
from collections.abc import Mapping

import keras
from keras import ops

from dl_techniques._checks import check_choice, check_non_negative, check_positive, check_positive_int
from dl_techniques._serialization import serializable
from dl_techniques.regularizers._kernels import as_matrix, smaller_side_last

_PAPER_SCHEDULE = {20: 1e-3, 50: 1e-4, 70: 1e-6, 120: 0.0}


@serializable
class SRIPRegularizer(keras.regularizers.Regularizer):
    """Spectral restricted isometry: asks a kernel to keep the length of every vector, near enough.

    A kernel is taken as a matrix `W` with one column for each output. The penalty is the largest deviation from
    orthonormality in any direction, found by power iteration; gradients flow through its last step only. With more
    outputs than inputs it stays at 1 or above, unless `gram="auto"` takes the rows, as the authors' code does.

    The strength falls with the epochs. A compiled training step has it built in, so let `srip_schedule` renew both:
    `model.fit(x, y, epochs=200, callbacks=[srip_schedule()])`.

    Formula, computed in float32 and cast back: `lambda * norm(W^T W - I)`, the largest singular value, never
    overestimated.

    Args:
        lambda_init: float >= 0, the strength before the first epoch of the schedule.
        power_iterations: int >= 1. Two, the paper's number, find nine tenths of the norm of a random matrix.
        epsilon: float > 0, keeps gradients finite where `W` is orthonormal.
        lambda_schedule: dict from epochs, counted from 0, to the strength from then on; None for the paper's:
            1e-3 from epoch 20, 1e-4 from 50, 1e-6 from 70, 0 from 120.
        gram: "columns", or "auto" for whichever is fewer of columns and rows.

    Input shape:
        That of a kernel of rank 2 to 5, outputs last.

    Output shape:
        A scalar.

    Example:

    >>> penalty = SRIPRegularizer(lambda_init=0.5)
    >>> round(float(penalty(2 * keras.ops.eye(3))), 4)
    1.5
    >>> penalty.update_lambda(50), penalty.current_lambda
    (True, 0.0001)

    References:
        Bansal et al., "Can We Gain More from Orthogonality Regularizations in Training Deep CNNs?", arXiv:1810.09102
    """

    def __init__(
        self,
        lambda_init: float = 0.1,
        power_iterations: int = 2,
        *,
        epsilon: float = 1e-7,
        lambda_schedule: Mapping[int, float] | None = None,
        gram: str = "columns",
    ):
        check_non_negative(lambda_init=lambda_init)
        check_positive_int(power_iterations=power_iterations)
        check_positive(epsilon=epsilon)
        _check_schedule(lambda_schedule)
        check_choice(("columns", "auto"), gram=gram)
        self.lambda_init = lambda_init
        self.power_iterations = power_iterations
        self.epsilon = epsilon
        self.lambda_schedule = lambda_schedule
        self.gram = gram
        self._current_lambda = lambda_init

    @classmethod
    def from_config(cls, config):
        schedule = config["lambda_schedule"]
        if schedule is not None:  # JSON has made strings of the epochs.
            config = {**config, "lambda_schedule": {int(epoch): value for epoch, value in schedule.items()}}
        return cls(**config)

    @property
    def current_lambda(self) -> float:
        return self._current_lambda

    def update_lambda(self, epoch: int) -> bool:
        """Sets the strength for an epoch and returns whether it changed, so that compiled steps are out of date."""
        schedule = _PAPER_SCHEDULE if self.lambda_schedule is None else self.lambda_schedule
        before, started = self._current_lambda, [start for start in schedule if start <= epoch]
        self._current_lambda = schedule[max(started)] if started else self.lambda_init
        return self._current_lambda != before

    def __call__(self, x):
        matrix = as_matrix(x)
        if self.gram == "auto":
            matrix = smaller_side_last(matrix)
        direction = _start(matrix.shape[-1], matrix.dtype)
        for _ in range(2 * self.power_iterations):  # Once by the deviation and once by its transpose, the same.
            moved = _deviation(ops.stop_gradient(matrix), direction)
            direction = moved * ops.rsqrt(ops.sum(ops.square(moved)) + self.epsilon**2)
        square = ops.sum(ops.square(_deviation(matrix, direction)))
        norm = ops.sqrt(square + self.epsilon**2) - self.epsilon
        return ops.cast(self._current_lambda * norm, x.dtype)


def srip_schedule() -> keras.callbacks.Callback:
    """Returns a callback that updates every `SRIPRegularizer` of a model as the epochs begin.

    Where a strength changed it has the compiled steps made anew, once for each entry of a schedule.
    """
    return _SRIPSchedule()


class _SRIPSchedule(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        found = {id(v.regularizer): v.regularizer for v in self.model.trainable_variables}.values()
        if any([r.update_lambda(epoch) for r in found if isinstance(r, SRIPRegularizer)]):
            self.model.train_function = self.model.test_function = None
            self.model.make_train_function()


def _deviation(matrix, vector):
    """`(W^T W - I) v`, without forming the square."""
    return ops.matmul(ops.transpose(matrix), ops.matmul(matrix, vector)) - vector


def _start(size: int, dtype):
    """A fixed direction without structure, so that it is orthogonal to no direction that matters."""
    entries = [math.cos((index + 1) ** 2) for index in range(size)]
    length = math.sqrt(sum(entry**2 for entry in entries))
    return ops.convert_to_tensor([[entry / length] for entry in entries], dtype=dtype)


def _check_schedule(schedule) -> None:
    valid = isinstance(schedule, Mapping) and all(
        type(epoch) is int and epoch >= 0 and type(value) in (int, float) and value >= 0
        for epoch, value in schedule.items()
    )
    if schedule is not None and not valid:
        raise ValueError(
            "`lambda_schedule` must map epochs, integers >= 0, to numbers >= 0. "
            f"Received: lambda_schedule={schedule!r}"
        )
