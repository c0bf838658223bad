from dl_techniques import losses
from dl_techniques.catalogue._technique import Function, Technique
from dl_techniques.catalogue.values import binary, probabilities

_BRIER = "doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2"
_SPIEGELHALTER = "doi:10.1002/sim.4780050506"
_OTHER_SHAPES = (((8, 3), (8, 2)), ((8, 3), (8,)))

TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        losses.BrierScoreLoss,
        {},
        inputs=((8, 3), (8, 3)),
        values=(binary, probabilities),
        paper=_BRIER,
        rejects=({"reduction": 3},),
        rejects_inputs=_OTHER_SHAPES,
        perfect=0.0,
    ),
    Technique(
        losses.SpiegelhalterZLoss,
        {"statistic": "in_the_large"},
        inputs=((8, 3), (8, 3)),
        values=(binary, probabilities),
        paper=_SPIEGELHALTER,
        rejects=({"statistic": "brier"},),
        rejects_inputs=_OTHER_SHAPES,
        batch_level=True,
        perfect=0.0,
    ),
    Technique(
        losses.CombinedCalibrationLoss,
        {"alpha": 0.25},
        inputs=((8, 3), (8, 3)),
        values=(binary, probabilities),
        paper=_SPIEGELHALTER,
        rejects=({"alpha": -0.25}, {"alpha": 1.25}, {"alpha": float("nan")}),
        rejects_inputs=_OTHER_SHAPES,
        batch_level=True,
        perfect=0.0,
    ),
)

FUNCTIONS: tuple[Function, ...] = ()
