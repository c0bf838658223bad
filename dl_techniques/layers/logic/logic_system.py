from enum import StrEnum


class LogicSystem(StrEnum):
    """The systems of logic; wherever one is asked for, its name will do. Formulas: see `logical_operations`."""

    LUKASIEWICZ = "lukasiewicz"
    GODEL = "godel"
    PRODUCT = "product"
    BOOLEAN = "boolean"
