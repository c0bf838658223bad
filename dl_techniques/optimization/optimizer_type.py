from enum import StrEnum


class OptimizerType(StrEnum):
    """What `optimizer_builder` builds; wherever one is asked for, its name will do."""

    RMSPROP = "rmsprop"
    ADAM = "adam"
    ADADELTA = "adadelta"
    ADAMW = "adamw"
    SGD = "sgd"
    NADAM = "nadam"
    ADAMAX = "adamax"
    ADAGRAD = "adagrad"
    ADAFACTOR = "adafactor"
    LION = "lion"
    LAMB = "lamb"
    FTRL = "ftrl"
