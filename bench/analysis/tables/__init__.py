"""Raw files -> tidy tables, and tables -> tables: cells, comparisons of backends and of runs, histories, agreement.

In: the folders that `bench.run` and `bench.numerics` write. Out: pandas frames whose columns `schema` names, and what
could not be read, in words. Nothing here draws or writes a page.
"""
