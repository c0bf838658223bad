from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from dl_techniques._checks import check_number, check_positive, check_positive_int
from dl_techniques._serialization import serializable
from dl_techniques.optimization._rates import as_float32, between


@serializable
class OneCycleSchedule(LearningRateSchedule):
    """One rise of the learning rate to a large one and back, then a short fall to nearly nothing.

    The large rate regularizes; networks that bear it are trained in a fraction of the steps (super-convergence). Find
    the largest rate that does not diverge by a test with a rising rate first.

    Formula, in float32, straight lines between four points:

    | step | rate |
    |---|---|
    | 0 | `max_learning_rate / div_factor` |
    | `peak_fraction * total_steps` | `max_learning_rate` |
    | `cycle_fraction * total_steps` | `max_learning_rate / div_factor` |
    | `total_steps` and later | `max_learning_rate / (div_factor * final_div_factor)` |

    Args:
        max_learning_rate: float > 0.
        total_steps: int >= 1, of the whole training.
        peak_fraction: float > 0, the share of the steps at whose end the rate is largest. By default the way up is as
            long as the way down, as in the paper.
        cycle_fraction: float in (`peak_fraction`, 1), the share at whose end the rate is back.
        div_factor: float >= 1, the largest rate over the first one.
        final_div_factor: float >= 1, the first rate over the last one.

    Input shape:
        The step: a number.

    Output shape:
        A float32 scalar.

    Example:

    >>> schedule = OneCycleSchedule(1.0, total_steps=100)
    >>> [round(float(schedule(step)), 6) for step in (0, 45, 90, 95, 100, 1000)]
    [0.04, 1.0, 0.04, 0.020002, 4e-06, 4e-06]

    References:
        - Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates",
          arXiv:1708.07120
    """

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        *,
        peak_fraction: float = 0.45,
        cycle_fraction: float = 0.9,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        super().__init__()
        check_number(max_learning_rate=max_learning_rate, div_factor=div_factor, final_div_factor=final_div_factor)
        check_positive(max_learning_rate=max_learning_rate)
        check_positive_int(total_steps=total_steps)
        check_number(peak_fraction=peak_fraction, cycle_fraction=cycle_fraction)
        if not 0 < peak_fraction < cycle_fraction < 1:
            raise ValueError(
                "`peak_fraction` must lie in (0, `cycle_fraction`), and that below 1. "
                f"Received: peak_fraction={peak_fraction}, cycle_fraction={cycle_fraction}"
            )
        if min(div_factor, final_div_factor) < 1:
            raise ValueError(
                "`div_factor` and `final_div_factor` must be >= 1. "
                f"Received: div_factor={div_factor}, final_div_factor={final_div_factor}"
            )
        self.max_learning_rate = max_learning_rate
        self.total_steps = total_steps
        self.peak_fraction = peak_fraction
        self.cycle_fraction = cycle_fraction
        self.div_factor = div_factor
        self.final_div_factor = final_div_factor

    def __call__(self, step):
        highest = self.max_learning_rate
        low = highest / self.div_factor
        lowest = low / self.final_div_factor
        peak, end = self.peak_fraction * self.total_steps, self.cycle_fraction * self.total_steps
        step = ops.minimum(as_float32(step), float(self.total_steps))
        up = between(low, highest, step / peak)
        down = between(highest, low, (step - peak) / (end - peak))
        out = between(low, lowest, (step - end) / (self.total_steps - end))
        return ops.where(step < peak, up, ops.where(step < end, down, out))
