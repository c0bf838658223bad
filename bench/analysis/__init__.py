"""From raw files to tables, figures and one page. Imports no framework: it runs on a laptop without them."""

from bench.analysis.tables.load import Loaded as Loaded
from bench.analysis.tables.load import latest as latest
from bench.analysis.tables.load import load as load
