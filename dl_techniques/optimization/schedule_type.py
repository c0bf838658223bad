from enum import StrEnum


class ScheduleType(StrEnum):
    """What `learning_rate_schedule_builder` builds; wherever one is asked for, its name will do."""

    CONSTANT = "constant"
    EXPONENTIAL_DECAY = "exponential_decay"
    COSINE_DECAY = "cosine_decay"
    COSINE_DECAY_RESTARTS = "cosine_decay_restarts"
    POLYNOMIAL_DECAY = "polynomial_decay"
    PIECEWISE_CONSTANT = "piecewise_constant"
    INVERSE_TIME_DECAY = "inverse_time_decay"
    ONE_CYCLE = "one_cycle"
