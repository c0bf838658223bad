"""What the schedules share. Rates and steps are float32, whatever the default of Keras is."""

from keras import ops
from keras.optimizers.schedules import LearningRateSchedule


def as_float32(x):
    """A number, a variable or a tensor."""
    return ops.cast(x, "float32")


def between(first, last, share):
    """From `first` at 0 to `last` at 1, both exact."""
    return (1 - share) * first + share * last


def check_schedule(**values) -> None:
    for name, value in values.items():
        if not isinstance(value, LearningRateSchedule):
            raise ValueError(
                f"`{name}` must be a `keras.optimizers.schedules.LearningRateSchedule`. Received: {name}={value!r}"
            )
