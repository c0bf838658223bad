"""Tables -> figures: one file a kind, with `image` (matplotlib) and `chart` (Plotly, as plain dictionaries) in it.

In: frames of `tables`. Out: figures, captions. Nothing here reads or writes files, or decides what is fastest.
"""
