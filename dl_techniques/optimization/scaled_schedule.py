from keras.optimizers.schedules import LearningRateSchedule

from dl_techniques._checks import check_non_negative, check_number
from dl_techniques._serialization import serializable
from dl_techniques.optimization._rates import as_float32, check_schedule


@serializable
class ScaledSchedule(LearningRateSchedule):
    """Another schedule times a number: the learning rate of one group of weights, see `MultiplierOptimizer`.

    Args:
        schedule: a `keras.optimizers.schedules.LearningRateSchedule`.
        multiplier: float >= 0.

    Input shape:
        The step: a number.

    Output shape:
        A float32 scalar.

    Example:

    >>> halving = keras.optimizers.schedules.ExponentialDecay(1.0, decay_steps=10, decay_rate=0.5)
    >>> [float(ScaledSchedule(halving, 0.25)(step)) for step in (0, 10, 20)]
    [0.25, 0.125, 0.0625]

    References:
        No paper.
    """

    def __init__(self, schedule: LearningRateSchedule, multiplier: float) -> None:
        super().__init__()
        check_schedule(schedule=schedule)
        check_number(multiplier=multiplier)
        check_non_negative(multiplier=multiplier)
        self.schedule = schedule
        self.multiplier = multiplier

    def __call__(self, step):
        return self.multiplier * as_float32(self.schedule(step))
