"""From raw files to tables, figures and pages. Imports no framework: it runs on a laptop without them.

Four rooms, of which each imports only those before it: `statistics` (arrays), `tables` (raw files to tidy tables),
`figures` (tables to pictures), `pages` (what a person opens).
"""

from bench.analysis.tables.load import Loaded as Loaded
from bench.analysis.tables.load import latest as latest
from bench.analysis.tables.load import load as load
