"""The store of all runs: below results/history/ one Parquet file for each run, machine, backend and device.

A file is written beside its place and moved there as a whole, so that neither a second process nor a killed one can
damage the store; and what a run adds again is not written. It is read with DuckDB, which finds the newest points of
each cell without holding the rest: results/FINDINGS.md has the numbers.
"""

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench import files
from bench.analysis.tables import schema
from bench.analysis.tables.load import Loaded, load

CELL = ("machine", "backend", "device", *schema.IDENTITY)
"""What tells the lines of the trend page apart."""
ENVIRONMENT = (
    "cpu",
    "device_name",
    "threads",
    "precision",
    "backend_version",
    "keras_version",
    "python",
    "surroundings",
)
"""A cell's times before and after one of these changed are not compared."""

VERSION = {b"dl_techniques.history": b"1"}
TEXT = (*("run", "commit"), *CELL, "technique", "status", *ENVIRONMENT)
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in TEXT),
        ("modified", pa.bool_()),
        ("timestamp", pa.timestamp("us", "UTC")),
        *((name, pa.float64()) for name in ("median_s", "ci_low_s", "ci_high_s", "min_s")),
        *((name, pa.int64()) for name in ("rounds", "launches")),
    ],
    metadata=VERSION,
)
OLDER = SCHEMA.remove(SCHEMA.get_field_index("surroundings"))
"""Of the files from before those were recorded."""
NULLABLE = (*schema.TIMES, "min_s")
"""The columns that have no value where a cell could not be measured."""
PARTITION = ["run", "machine", "backend", "device"]
MEMORY = "1GB"
POINT = (*CELL, "timestamp", "run", "commit", "modified", *ENVIRONMENT, "median_s")
FILES = "select * from read_parquet($files)"
OLDER_FILES = "select *, '' as surroundings from read_parquet($older)"
NEWEST = f"""
    select {", ".join(POINT)} from ({{source}})
    where status in {schema.MEASURED} and median_s > 0 and isfinite(median_s)
    qualify row_number() over (partition by {", ".join(CELL)} order by timestamp desc) <= $count
    order by {", ".join(CELL)}, timestamp, run
"""
"""With a single column to order by inside `over`, DuckDB keeps no more rows than it returns."""


@dataclass(frozen=True, eq=False)
class History:
    """What was read.

    Args:
        frame: one row a measured cell of a run, with the columns of `POINT`, ordered by cell, then time.
        problems: a line for each file that was left out, and what to do about it.
    """

    frame: pd.DataFrame
    problems: list[str]


def add(loaded: Loaded, store: Path) -> list[Path]:
    """Add the runs that were loaded; returns the files written, none for what the store has already."""
    written = []
    for key, rows in _rows(loaded).groupby(PARTITION):
        path = store / (",".join(quote(str(name), safe="") for name in key) + ".parquet")
        table = pa.Table.from_pandas(rows, SCHEMA, preserve_index=False)
        if _extent(table) > _stored_extent(path):
            files.replace(path, parquet(table))
            written.append(path)
    return written


def add_missing(raw: Path, store: Path) -> None:
    """Add the runs below `raw` of which the store has nothing."""
    known = {unquote(path.name.partition(",")[0]) for path in store.glob("*.parquet")}
    for folder in raw.glob("*"):
        if folder.is_dir() and folder.name not in known:
            add(load([folder]), store)


def newest(store: Path, count: int) -> History:
    """The newest `count` measurements of every cell."""
    problems: list[str] = []
    schemas = dict(_own(sorted(store.glob("*.parquet")), problems))
    try:
        return History(_query(schemas, count), problems)
    except duckdb.Error:  # a footer was whole and what it speaks of is not
        return History(_query(dict(_readable(schemas, problems)), count), problems)


def _rows(loaded: Loaded) -> pd.DataFrame:
    """The table of cells with the environment of their launches."""
    launches = loaded.launches.drop_duplicates(["run", "backend", "device"])
    known = launches["facts"].map(lambda facts: {name: str(facts.get(name, "")) for name in ENVIRONMENT})
    environment = pd.DataFrame(known.tolist(), columns=list(ENVIRONMENT), index=launches.index)
    environment = environment.drop(columns=["backend_version", "keras_version"]).assign(
        modified=launches["facts"].map(lambda facts: bool(facts.get("modified"))),
        **launches[["run", "backend", "device"]],
    )
    return loaded.frame.merge(environment, on=["run", "backend", "device"], validate="many_to_one")[SCHEMA.names]


def _extent(table: pa.Table) -> tuple[int, int]:
    """A run that was resumed has more rows or more rounds than before."""
    return table.num_rows, sum(table["rounds"].to_pylist())


def _stored_extent(path: Path) -> tuple[int, int]:
    """That of the file, or less than any if there is none that can be read."""
    try:
        return _extent(pq.read_table(pa.BufferReader(path.read_bytes()), columns=["rounds"]))
    except (OSError, TypeError, pa.ArrowException):  # TypeError: rounds that are null
        return (0, 0)


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(VERSION), buffer, compression="zstd")
    return buffer.getvalue()


def _own(paths: Iterable[Path], problems: list[str]) -> Iterator[tuple[Path, pa.Schema]]:
    """The files that have a whole footer and the columns of this store, or those that it had."""
    for path in paths:
        try:
            with path.open("rb") as file:
                footer = pq.read_metadata(file)
            found = footer.schema.to_arrow_schema()
        except (OSError, pa.ArrowException) as error:
            problems.append(_left_out(path, f"damaged: {error}"))
            continue
        if not any(found.equals(known, check_metadata=True) for known in (SCHEMA, OLDER)):
            problems.append(_left_out(path, "not written by this version of the history"))
        elif empty := _with_nulls(footer):
            problems.append(_left_out(path, f"damaged: nulls in {', '.join(empty)}"))
        else:
            yield path, found


def _with_nulls(footer: pq.FileMetaData) -> list[str]:
    """The columns that must have a value in every row, and have not."""
    groups = (footer.row_group(number) for number in range(footer.num_row_groups))
    chunks = [group.column(place) for group in groups for place in range(footer.num_columns)]
    empty = [chunk.path_in_schema for chunk in chunks if chunk.statistics.null_count]
    return list(dict.fromkeys(name for name in empty if name not in NULLABLE))


def _readable(schemas: Mapping[Path, pa.Schema], problems: list[str]) -> Iterator[tuple[Path, pa.Schema]]:
    for path, found in schemas.items():
        try:
            _query({path: found}, 1)
        except duckdb.Error as error:
            problems.append(_left_out(path, f"damaged: {error}"))
        else:
            yield path, found


def _left_out(path: Path, what: str) -> str:
    told = what.strip().partition("\n")[0]
    return f"{path}: {told:.120}. Left out: delete it, and the next report adds the run again from results/raw"


def _query(schemas: Mapping[Path, pa.Schema], count: int) -> pd.DataFrame:
    """What older files do not tell is taken for nothing, as `load` does."""
    if not schemas:
        return SCHEMA.empty_table().select(POINT).to_pandas()
    names = {path: os.fsencode(path).decode(errors="replace") for path in schemas}  # in any locale
    older = [names[path] for path, found in schemas.items() if "surroundings" not in found.names]
    files = [name for name in names.values() if name not in older]
    sources = {FILES: ("files", files), OLDER_FILES: ("older", older)}
    given = {source: named for source, named in sources.items() if named[1]}
    sql = NEWEST.format(source=" union all by name ".join(given))
    with duckdb.connect(config={"memory_limit": MEMORY}) as connection:
        frame = connection.sql(sql, params={**dict(given.values()), "count": count}).to_arrow_table().to_pandas()
    return frame.assign(timestamp=frame["timestamp"].dt.tz_convert("UTC"))
