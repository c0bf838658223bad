from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from dl_techniques._checks import check_non_negative, check_non_negative_int, check_number
from dl_techniques._serialization import serializable
from dl_techniques.optimization._rates import as_float32, between, check_schedule


@serializable
class WarmupSchedule(LearningRateSchedule):
    """Lets the learning rate rise from a small one to that of another schedule, in a number of steps.

    Large batches, transformers and adaptive optimizers, whose first statistics are poor, diverge at their full rate
    in the first steps. The other schedule sees the same step: what it decays in the meantime is decayed.

    Formula, in float32: `rate(t) = start + (primary(t) - start) * min(t / warmup_steps, 1)`; `primary(t)` alone
    without a warm-up. It is a function of the step only, so the rate may be looked at at any time.

    Args:
        warmup_steps: int >= 0, the step at which the rate is that of the other schedule.
        warmup_start_lr: float >= 0, the rate at step 0.
        primary_schedule: a `keras.optimizers.schedules.LearningRateSchedule`.

    Input shape:
        The step: a number.

    Output shape:
        A float32 scalar.

    Example:

    >>> cosine = keras.optimizers.schedules.CosineDecay(1e-3, decay_steps=1000)
    >>> schedule = WarmupSchedule(100, warmup_start_lr=0.0, primary_schedule=cosine)
    >>> [round(1e6 * float(schedule(step))) for step in (0, 50, 100, 550, 1000)]
    [0, 497, 976, 422, 0]

    References:
        - Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", arXiv:1706.02677, section 2.2
    """

    def __init__(
        self, warmup_steps: int, warmup_start_lr: float = 1e-8, *, primary_schedule: LearningRateSchedule
    ) -> None:
        super().__init__()
        check_non_negative_int(warmup_steps=warmup_steps)
        check_number(warmup_start_lr=warmup_start_lr)
        check_non_negative(warmup_start_lr=warmup_start_lr)
        check_schedule(primary_schedule=primary_schedule)
        self.warmup_steps = warmup_steps
        self.warmup_start_lr = warmup_start_lr
        self.primary_schedule = primary_schedule

    def __call__(self, step):
        primary = as_float32(self.primary_schedule(step))
        if self.warmup_steps == 0:
            return primary
        return between(self.warmup_start_lr, primary, ops.minimum(as_float32(step) / self.warmup_steps, 1.0))
