"""The charts of a page: their figures go into the page's data, their names and headings into its text."""

from dataclasses import dataclass, field

from bench.analysis.figures.interactive import PlotlyFigure


@dataclass(frozen=True)
class Key:
    """What the legend says of one trace of a figure."""

    trace: int
    name: str
    style: str


@dataclass(frozen=True)
class Chart:
    """A chart of the page: the name of its figure in the page's data, and its legend."""

    name: str
    title: str
    height: int
    keys: list[Key]


@dataclass
class Gallery:
    """All figures of a page by their names."""

    figures: dict[str, PlotlyFigure] = field(default_factory=dict)

    def add(self, title: str, figure: PlotlyFigure) -> Chart:
        name = f"chart-{len(self.figures) + 1}"
        self.figures[name] = figure
        return Chart(name, title, figure["layout"]["height"], _keys(figure))


@dataclass(frozen=True)
class Group:
    """Charts of one kind."""

    title: str
    caption: str
    charts: list[Chart]


def _keys(figure: PlotlyFigure) -> list[Key]:
    """One for each trace that has a name and something to show."""
    return [
        Key(number, trace["name"], trace["name"].split(":")[0].replace(" ", "-"))
        for number, trace in enumerate(figure["data"])
        if trace.get("name") and any(x is not None for x in trace["x"])
    ]
