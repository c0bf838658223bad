"""Detection in float64, one box after the other: assignment and losses by their papers, and COCO's evaluation."""

import contextlib
import io
import math

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.special import log_softmax, softmax

from tests.oracles.activations import sigmoid


def iou(box, other):
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    shared = max(width, 0) * max(height, 0)
    area, other_area = ((b[2] - b[0]) * (b[3] - b[1]) for b in (box, other))
    return shared / (area + other_area - shared)


def shape_term(box, target):
    """Zheng et al., arXiv:1911.08287, equation 9."""
    angles = [math.atan2(b[2] - b[0], b[3] - b[1]) for b in (box, target)]
    return 4 / math.pi**2 * (angles[1] - angles[0]) ** 2


def trade_off(box, target):
    """Equation 11."""
    v = shape_term(box, target)
    return 0.0 if v == 0 else v / (1 - iou(box, target) + v)


def ciou(box, target, alpha=None):
    """Equation 10; `alpha` is a constant for the gradient."""
    centers = [((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in (box, target)]
    corner = max(box[2], target[2]) - min(box[0], target[0]), max(box[3], target[3]) - min(box[1], target[1])
    alpha = trade_off(box, target) if alpha is None else alpha
    return iou(box, target) - (math.dist(*centers) / math.hypot(*corner)) ** 2 - alpha * shape_term(box, target)


def anchors(input_shape):
    """Center and stride of each cell."""
    height, width = input_shape
    return [
        ((column + 0.5) * stride, (row + 0.5) * stride, stride)
        for stride in (8, 16, 32)
        for row in range(height // stride)
        for column in range(width // stride)
    ]


def decode(logits, anchor):
    """Li et al., arXiv:2006.04388: the sides are the means of their distributions."""
    x, y, stride = anchor
    left, top, right, bottom = softmax(logits.reshape(4, -1), axis=-1) @ np.arange(len(logits) // 4) * stride
    return np.array([x - left, y - top, x + right, y + bottom])


def boxes_of(y_true, input_shape, classes):
    """Class and box in pixels of each row that is not padding."""
    height, width = input_shape
    for number, x1, y1, x2, y2 in y_true:
        if x2 > x1 and y2 > y1 and number in range(classes):
            yield int(number), np.array([x1 * width, y1 * height, x2 * width, y2 * height])


def assignment(y_true, y_pred, *, classes, input_shape, reg_max, alpha, beta):
    """Feng et al., arXiv:2108.07755, section 3.2: what each anchor learns as (anchor, class, box, target score)."""
    places, rows = anchors(input_shape), [*boxes_of(y_true, input_shape, classes)]
    predicted = [decode(row[: 4 * reg_max], anchor) for row, anchor in zip(y_pred, places, strict=True)]
    wanted = {}
    for number, (label, box) in enumerate(rows):
        found = []
        for anchor, (x, y, _) in enumerate(places):
            if box[0] < x < box[2] and box[1] < y < box[3]:
                overlap = max(ciou(predicted[anchor], box), 0)
                alignment = sigmoid(y_pred[anchor, 4 * reg_max + label]) ** alpha * overlap**beta
                found.append((alignment, anchor, overlap))
        for alignment, anchor, overlap in sorted(found, reverse=True)[:10]:
            if alignment > 0 and overlap >= wanted.get(anchor, (-1,))[0]:
                wanted[anchor] = overlap, number, alignment
    targets = []
    for number, (label, box) in enumerate(rows):
        own = [(anchor, a, u) for anchor, (u, owner, a) in wanted.items() if owner == number]
        for anchor, alignment, _ in own:
            score = alignment / max(a for _, a, _ in own) * max(u for _, _, u in own)
            targets.append((anchor, label, box, score))
    return targets


def detection_loss(y_true, y_pred, at=None, *, weights, classes, input_shape, reg_max, alpha, beta):
    """The terms of a batch, weighted and added up. What passes no gradient is computed for the predictions `at`."""
    y_true, y_pred = y_true.astype("float64"), y_pred.astype("float64")
    at, places, sides = y_pred if at is None else at.astype("float64"), anchors(input_shape), 4 * reg_max
    options = {"classes": classes, "input_shape": input_shape, "reg_max": reg_max, "alpha": alpha, "beta": beta}
    total, terms = 0.0, np.zeros(3)
    for boxes, logits, fixed in zip(y_true, y_pred, at, strict=True):
        soft = np.zeros((len(places), classes))
        for anchor, label, box, score in assignment(boxes, fixed, **options):
            x, y, stride = place = places[anchor]
            soft[anchor, label] = score
            total += score
            constant = trade_off(decode(fixed[anchor, :sides], place), box)
            terms[0] += score * (1 - ciou(decode(logits[anchor, :sides], place), box, constant))
            distances = np.array([x - box[0], y - box[1], box[2] - x, box[3] - y]) / stride
            terms[2] += score * np.mean(
                [distribution_focal(logits[anchor, i * reg_max : (i + 1) * reg_max], distances[i]) for i in range(4)]
            )
        z = logits[:, sides:]
        terms[1] += np.sum(np.logaddexp(0, z) * (1 - soft) + np.logaddexp(0, -z) * soft)
    return terms @ np.array(weights) / max(total, 1)


def distribution_focal(logits, distance):
    """Li et al., arXiv:2006.04388, equation 6."""
    distance = min(max(distance, 0), len(logits) - 1.01)
    left = int(distance)
    log_p = log_softmax(logits)
    return -((left + 1 - distance) * log_p[left] + (distance - left) * log_p[left + 1])


def focal(y, p, *, alpha, gamma):
    """Lin et al., arXiv:1708.02002, equation 5."""
    p_t, alpha_t = np.where(y == 1, p, 1 - p), np.where(y == 1, alpha, 1 - alpha)
    return -alpha_t * (1 - p_t) ** gamma * np.log(p_t)


def coco_average_precision(y_true, y_pred, *, thresholds, max_detections):
    """What COCO's code makes of images, one row of detections or targets after the other."""
    images = [{"id": image} for image in range(1, len(y_true) + 1)]
    targets, found = [], []
    for rows, into in ((y_true, targets), (y_pred, found)):
        for image, boxes in enumerate(rows, 1):
            for row in boxes.astype("float64"):
                x1, y1, x2, y2 = row[-4:]
                score = row[1] if len(row) == 6 else 1
                if x2 > x1 and y2 > y1 and score > 0:
                    box = {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1), "iscrowd": 0}
                    into.append({"id": len(into) + 1, "image_id": image, "category_id": int(row[0]), **box})
                    into[-1]["score"] = score
    categories = [{"id": label} for label in sorted({row["category_id"] for row in targets + found})]
    with contextlib.redirect_stdout(io.StringIO()):
        sides = []
        for annotations in (targets, found):
            sides.append(COCO())
            sides[-1].dataset = {"images": images, "categories": categories, "annotations": annotations}
            sides[-1].createIndex()
        evaluation = COCOeval(*sides, "bbox")
        evaluation.params.iouThrs = np.array(thresholds)
        evaluation.params.maxDets = [max_detections]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]
    return precision[precision > -1].mean()


def tied_average_precision(y_true, y_pred, *, thresholds, bins):
    """Of one class, where detections count as tied that are in the same bin of the score."""
    values = []
    for threshold in thresholds:
        number, counts = 0, {}
        for targets, found in zip(y_true, y_pred, strict=True):
            free = [row[1:] for row in targets]
            number += len(free)
            for row in sorted(found.tolist(), key=lambda row: -row[1]):
                overlaps = [iou(row[2:], box) for box in free]
                hit = bool(overlaps) and max(overlaps) >= threshold
                if hit:
                    free.pop(int(np.argmax(overlaps)))
                group = counts.setdefault(min(int(row[1] * bins), bins - 1), [0, 0])
                group[0] += hit
                group[1] += 1
        true = total = 0
        points = []
        for group in sorted(counts, reverse=True):
            true, total = true + counts[group][0], total + counts[group][1]
            points.append((100 * true, true / total))
        best = [max([p for r, p in points if r >= k * number], default=0) for k in range(101)]
        values.append(np.mean(best))
    return np.mean(values)
