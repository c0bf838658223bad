"""Tables as plain values, and plain values as JSON in ASCII: unknown or infinite is null, times are ISO 8601."""

import json
import math
from datetime import datetime
from typing import Any

import pandas as pd


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """One dictionary a row."""
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns(frame).values(), strict=True)]


def columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """One list a column."""
    return {name: _values(frame[name]) for name in frame.columns}


def dumps(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, default=_iso, allow_nan=False, indent=indent)


def _values(column: pd.Series) -> list[Any]:
    unknown = column.isna() | column.isin([math.inf, -math.inf])
    return [None if lost else value for value, lost in zip(column.tolist(), unknown.tolist(), strict=True)]


def _iso(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    raise TypeError(f"no JSON for {type(value).__name__}. Received: {value!r:.80}")
