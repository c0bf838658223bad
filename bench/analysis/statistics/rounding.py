"""How wrong a result is, in units of what rounding explains.

The unit of an element is the root mean square of the error that rounding every operation of the technique causes there
(the oracle measures it by repeating the computation in float64 with random relative errors, `backends.oracle`), joined
with the rounding of the element itself. So an error is large where the technique is well-conditioned there, and small
where the element is what is left of a cancellation.
"""

from dataclasses import dataclass

import numpy as np

# Explicit bits of the mantissa, the largest number, and the spacing near zero: the smallest normal number of
# float32 and bfloat16, as processors may flush smaller ones.
BITS = {"float32": 23, "bfloat16": 7, "float16": 10}
LARGEST = {"float32": float(np.finfo(np.float32).max), "bfloat16": 3.3895313892515355e38, "float16": 65504.0}
SMALLEST = {"float32": 2.0**-126, "bfloat16": 2.0**-126, "float16": 2.0**-24}

# A result agrees up to so many units: root mean square over the tensor, and its worst element. Sixteen bits round
# so coarsely that the noise is not small any more; PyTorch's own accuracy gate allows them more by the same factor.
RMS_LIMIT, MAX_LIMIT = 3.0, 16.0
SIXTEEN_BITS = {"float32": 1.0, "bfloat16": 1.5, "float16": 1.5}
# Where every other backend errs too, the model knows too little: a result may err by this multiple of the best of the
# others, but never by more than that multiple of the limit.
OTHERS = 3.0


@dataclass(frozen=True)
class Error:
    """How far a result is from another one.

    Args:
        max_abs: largest difference.
        rms: root mean square difference.
        max_ulp: largest difference in units in the last place; of the element, of the root mean square of the tensor
            where that is larger, or of an eighth of what cancelled where nothing else is left.
        cosine: of the angle between both; 1 where both are zero.
        units: largest difference in units of the noise.
        rms_units: root mean square difference, in units of the root mean square noise.
        misplaced: number of elements that are not finite in one of them only, another infinity, or of unknown noise.
    """

    max_abs: float
    rms: float
    max_ulp: float
    cosine: float
    units: float
    rms_units: float
    misplaced: int

    @property
    def ratio(self) -> float:
        """The larger of both errors over its limit."""
        return float("inf") if self.misplaced else max(self.units / MAX_LIMIT, self.rms_units / RMS_LIMIT)


def measure(found: np.ndarray, expected: np.ndarray, noise: np.ndarray, dtype: str) -> Error:
    """Compares a result in `dtype` with what is right, or with another result."""
    if found.shape != expected.shape:
        raise ValueError(f"the shape is {found.shape}, not {expected.shape}")
    found, expected = found.astype("float64").ravel(), expected.astype("float64").ravel()
    expected = np.where(np.abs(expected) > LARGEST[dtype], np.copysign(np.inf, expected), expected)
    noise = noise.ravel()
    finite = np.isfinite(found) & np.isfinite(expected) & np.isfinite(noise)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    misplaced = int(np.sum(~finite & ~same))
    found, expected, noise = found[finite], expected[finite], noise[finite]
    if not found.size:
        return Error(0.0, 0.0, 0.0, 1.0, 0.0, 0.0, misplaced)
    error = np.abs(found - expected)
    cancelled = _rms(noise) * 2.0 ** (BITS[dtype] - 3)
    unit = np.sqrt(noise**2 + (np.abs(expected) * 2.0 ** -(BITS[dtype] + 1)) ** 2 + SMALLEST[dtype] ** 2)
    return Error(
        max_abs=float(np.max(error)),
        rms=_rms(error),
        max_ulp=float(np.max(error / _spacing(np.maximum(np.abs(expected), max(_rms(expected), cancelled)), dtype))),
        cosine=_cosine(found, expected),
        units=float(np.max(error / unit)),
        rms_units=_rms(error) / _rms(unit),
        misplaced=misplaced,
    )


def limit(dtype: str, others: list[float]) -> float:
    """How large `Error.ratio` may be, given that of the same result on the other backends."""
    usual = SIXTEEN_BITS[dtype]
    known = [ratio for ratio in others if np.isfinite(ratio)]
    return min(max(usual, OTHERS * min(known)), OTHERS * usual) if known else usual


def _spacing(magnitude: np.ndarray, dtype: str) -> np.ndarray:
    _, exponent = np.frexp(np.maximum(magnitude, SMALLEST[dtype]))
    return np.ldexp(1.0, exponent - 1 - BITS[dtype])


def _rms(x: np.ndarray) -> float:
    scale = float(np.max(np.abs(x)))
    return scale * float(np.sqrt(np.mean((x / scale) ** 2))) if scale > 0 else 0.0


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    sizes = _rms(one) * _rms(other)
    if sizes == 0:
        return float(_rms(one) == _rms(other))
    return float(np.clip(np.mean((one / _rms(one)) * (other / _rms(other))), -1, 1))
