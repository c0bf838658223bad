"""Numbers as people read them."""

import math

MISSING = "–"  # noqa: RUF001 (an en dash)
SHORTEST = 8
"""Letters of a name that are left of it at least."""


def seconds(value: float, reference: float | None = None) -> str:
    """With three digits and the unit that suits `reference`, or the value itself."""
    if math.isnan(value):
        return MISSING
    unit, factor = _unit(value if reference is None else reference)
    return f"{digits(value * factor)} {unit}"


def interval_seconds(low: float, high: float, reference: float) -> str:
    """Both limits, in the unit that suits `reference`."""
    if math.isnan(low):
        return MISSING
    unit, factor = _unit(reference)
    return f"{digits(low * factor)} to {digits(high * factor)} {unit}"


def ratio(value: float) -> str:
    """With two decimals; with more where two would hide on which side of 1 it lies."""
    if math.isnan(value):
        return MISSING
    if value >= 10:
        return digits(value)
    return f"{value:.4f}" if value != 1 and abs(value - 1) < 0.005 else f"{value:.2f}"


def interval(low: float, high: float) -> str:
    return "(no interval)" if math.isnan(low) else f"[{ratio(low)}, {ratio(high)}]"


def scaled(value: float, unit: str) -> str:
    """With a decimal prefix: 1.23 Gflop/s."""
    if math.isnan(value):
        return MISSING
    power = min(max(int(math.log10(value) // 3), 0), 5) if value > 0 else 0
    return f"{digits(value / 1000**power)} {('', 'k', 'M', 'G', 'T', 'P')[power]}{unit}"


def duration(value: float) -> str:
    minutes, rest = divmod(round(value), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}{'es' if noun.endswith('h') else 's'}"


def join(*parts: str, longest: int) -> str:
    """With dots between. Where that is too long the first part is cut, as the others tell it from its neighbours."""
    first, *rest = [*filter(None, parts)] or [""]
    end = "".join(f" · {part}" for part in rest)
    room = max(longest - len(end), SHORTEST)
    return cut(cut(first, room) + end, longest)


def cut(value: str, longest: int) -> str:
    return value if len(value) <= longest else value[: longest - 1] + "…"


def line(value: str) -> str:
    """On one line, without the characters that steer terminals or turn the direction of writing."""
    return "".join(letter if letter.isprintable() else " " for letter in value)


def digits(value: float) -> str:
    """Three significant digits, never in exponent form."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}"


def _unit(value: float) -> tuple[str, float]:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if value * factor >= 1:
            return unit, factor
    return "ns", 1e9
