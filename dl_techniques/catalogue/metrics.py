from dl_techniques import metrics
from dl_techniques.catalogue._exceptions import OF_SQUARES, everywhere
from dl_techniques.catalogue._technique import Function, Technique
from dl_techniques.catalogue._values import normal, one_hot, probabilities

TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        metrics.CapsuleAccuracy,
        {},
        inputs=((6, 3), (6, 3)),
        values=(one_hot, probabilities),
        paper="arXiv:1710.09829",
        rejects_inputs=(((6, 3), (6, 2)), ((6,), (6,))),
        perfect=1.0,
    ),
    Technique(
        metrics.CLIPAccuracy,
        {"top_k": 2, "track_directions": True, "average_directions": False},
        inputs=((6,), (6, 6), (6, 6)),
        values=(normal, normal, normal),
        paper="arXiv:2103.00020",
        rejects=({"top_k": 0}, {"top_k": 1.5}, {"track_directions": False}),
        rejects_inputs=(((6,), (6, 3), (6, 3)), ((6,), (6, 6), (3, 3)), ((1,), (1, 1), (1, 1))),
        xfail={
            **everywhere("an_empty_batch_is_no_accident", "no rows of a matrix are no square matrix"),
            **everywhere("streaming_equals_one_shot", "a part of the rows of a matrix is no square matrix"),
            **everywhere("weights_count", "a part of the rows of a matrix is no square matrix"),
        },
        finite=("zeros", "constant", "tiny"),
        tolerances=OF_SQUARES,
    ),
)

FUNCTIONS: tuple[Function, ...] = (Function(metrics.compute_clustering_metrics, "doi:10.1016/0377-0427(87)90125-7"),)
