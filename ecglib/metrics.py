"""Beat-by-beat scores: confusion matrices, the averages of the papers, EC57 counting.

A confusion matrix has the reference class in rows, the predicted class in columns, both in
the order of `ecglib.aami.CLASSES`. Accuracy is dominated by N: on DS2 it is 0.897 if the answer
is always N. So it is accompanied by macro-averages over the three classes.

Convention: a ratio without a denominator (a class without reference beats or predictions) is
0, and macro-averages always run over all three classes, as in scikit-learn with
`zero_division=0` and `labels=[0, 1, 2]`. Only `ec57` leaves such a ratio undefined (NaN).
"""

from dataclasses import dataclass

import numpy as np

from ecglib.aami import AAMI_CLASSES, CLASSES, SYMBOL_TO_AAMI


def confusion_matrix(y_true, y_pred, n_classes=3):
    """Count pairs of reference and predicted class.

    Parameters
    ----------
    y_true, y_pred : array_like of int, shape (n_beats,)
        Class indices; two empty arrays give a matrix of zeros.

    Returns
    -------
    ndarray, shape (n_classes, n_classes), int64

    Raises
    ------
    ValueError
        If the lengths differ or a label is not in 0 … n_classes − 1.

    Examples
    --------
    >>> confusion_matrix([0, 0, 1, 2], [0, 1, 1, 2]).tolist()
    [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    """
    y_true = _labels(y_true, "y_true", n_classes)
    y_pred = _labels(y_pred, "y_pred", n_classes)
    _require_equal_lengths(y_true=y_true, y_pred=y_pred)
    pairs = np.bincount(y_true * n_classes + y_pred, minlength=n_classes**2)
    return pairs.reshape(n_classes, n_classes)


def accuracy(confusion):
    """Share of beats on the diagonal.

    Parameters
    ----------
    confusion : array_like, shape (..., 3, 3)

    Returns
    -------
    ndarray, shape (...), float64

    Raises
    ------
    ValueError
        If a matrix is not 3 × 3 or holds no beats.
    """
    confusion = _checked(confusion)
    return np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1))


def macro_f1(confusion):
    """Mean over the three classes of F1 = 2 TP / (2 TP + FP + FN); shapes as `accuracy`."""
    tp, fn, fp, _ = _one_against_rest(_checked(confusion))
    return _ratio(2 * tp, 2 * tp + fp + fn).mean(axis=-1)


def macro_sensitivity(confusion):
    """Mean over the three classes of TP / (TP + FN); shapes as `accuracy`."""
    tp, fn, _, _ = _one_against_rest(_checked(confusion))
    return _ratio(tp, tp + fn).mean(axis=-1)


@dataclass(frozen=True, eq=False)
class Metrics:
    """Scores of one confusion matrix; all but `confusion` and `support` lie in 0 … 1.

    Attributes
    ----------
    confusion : ndarray, shape (3, 3), int64
    accuracy, macro_f1, sensitivity : float
        Share of correct beats; mean F1 and mean sensitivity (recall) of the three classes.
    per_class : dict
        Class name -> {"sensitivity", "ppv", "f1", "fpr", "support"}; "ppv" is positive
        predictivity, "fpr" false positives per beat of other classes, "support" beats.
    """

    confusion: np.ndarray
    accuracy: float
    macro_f1: float
    sensitivity: float
    per_class: dict

    def to_dict(self):
        """Everything but the confusion matrix, as plain numbers that JSON can hold."""
        names = ("accuracy", "macro_f1", "sensitivity", "per_class")
        return {name: getattr(self, name) for name in names}


def from_confusion(confusion):
    """Score a confusion matrix (array_like of int, shape (3, 3)) as `Metrics`.

    Raises
    ------
    ValueError
        If the matrix is not 3 × 3 or holds no beats.

    Examples
    --------
    >>> always_n = from_confusion([[44259, 0, 0], [1837, 0, 0], [3221, 0, 0]])
    >>> round(always_n.accuracy, 4), round(always_n.macro_f1, 4)
    (0.8974, 0.3153)
    """
    confusion = _checked(confusion)
    tp, fn, fp, tn = _one_against_rest(confusion)
    columns = {
        "sensitivity": _ratio(tp, tp + fn),
        "ppv": _ratio(tp, tp + fp),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "fpr": _ratio(fp, fp + tn),
        "support": tp + fn,
    }
    return Metrics(
        confusion=confusion,
        accuracy=float(accuracy(confusion)),
        macro_f1=float(macro_f1(confusion)),
        sensitivity=float(macro_sensitivity(confusion)),
        per_class=_by_class(columns, CLASSES),
    )


def _by_class(columns, classes):
    """Nested dict: class -> name of a column -> number, from arrays (n_classes,)."""
    return {
        name: {key: column[index].item() for key, column in columns.items()}
        for index, name in enumerate(classes)
    }


def evaluate(y_true, y_pred):
    """Score predictions beat by beat, in the paper's convention (`j`, `e` in N; no F, Q).

    Parameters and errors are those of `confusion_matrix`; empty arrays are an error as well.

    Returns
    -------
    Metrics
    """
    return from_confusion(confusion_matrix(y_true, y_pred))


@dataclass(frozen=True)
class Detection:
    """Counts of one class against the rest, and their ratios (NaN without a denominator).

    `se` is sensitivity TP / (TP + FN), `ppv` positive predictivity TP / (TP + FP), `fpr` the
    false positive rate FP / (FP + TN).
    """

    tp: int
    fn: int
    fp: int
    tn: int

    @property
    def se(self):
        return _ratio_or_nan(self.tp, self.tp + self.fn)

    @property
    def ppv(self):
        return _ratio_or_nan(self.tp, self.tp + self.fp)

    @property
    def fpr(self):
        return _ratio_or_nan(self.fp, self.fp + self.tn)


@dataclass(frozen=True)
class EC57:
    """Detection of supraventricular (`sveb`) and ventricular (`veb`) ectopic beats."""

    sveb: Detection
    veb: Detection


def ec57(symbol, predicted, sample, fs, *, learning_s=300):
    """Count SVEB and VEB detections as `bxb -S` of the WFDB Software Package does.

    Unlike `evaluate`, it skips the learning period, takes the escape beats `j` and `e` of
    the reference as S, and includes F and Q beats as negatives. Three confusions are left out
    (neither FP nor TN): **F predicted V, Q predicted V, Q predicted S**. F predicted S is a
    false positive. With the reference in capitals and the prediction in small letters:

    - VEB: TP = Vv, FN = Vn + Vs, FP = Nv + Sv, TN = Nn + Ns + Sn + Ss + Fn + Fs + Qn + Qs;
    - SVEB: TP = Ss, FN = Sn + Sv, FP = Ns + Vs + Fs, TN = Nn + Nv + Vn + Vv + Fn + Fv + Qn
      + Qv (`bxb` prints no false positive rate of SVEB; its TN is built like that of VEB).

    Predictions stand at the annotated beats: missed and extra detections do not occur.

    Parameters
    ----------
    symbol : array_like of str, shape (n_beats,)
        Annotation symbols of all beats, F and Q included; records may be concatenated.
    predicted : array_like of int, shape (n_beats,)
        Indices into `ecglib.aami.CLASSES`.
    sample : array_like of int, shape (n_beats,)
        R-peaks, in samples from the start of their record.
    fs, learning_s : float
        Sampling frequency, Hz; length of the learning period, s.

    Returns
    -------
    EC57

    Raises
    ------
    ValueError
        If lengths differ, a symbol is not a beat, or a prediction is not 0, 1 or 2.

    Examples
    --------
    >>> ec57(["V", "F", "N"], [2, 2, 1], [108000, 108300, 108600], fs=360).veb
    Detection(tp=1, fn=0, fp=0, tn=1)
    """
    symbol, sample = np.asarray(symbol, dtype=str), np.asarray(sample)
    predicted = _labels(predicted, "predicted", len(CLASSES))
    _require_equal_lengths(symbol=symbol, predicted=predicted, sample=sample)
    counted = sample >= learning_s * fs
    reference = _ec57_reference(symbol[counted])
    counts = confusion_matrix(reference, predicted[counted], len(AAMI_CLASSES))
    return EC57(
        sveb=_detection(counts, "S", not_false_positive="Q"),
        veb=_detection(counts, "V", not_false_positive="FQ"),
    )


def _ec57_reference(symbol):
    """Indices into AAMI_CLASSES of annotation symbols, escape beats `j` and `e` as S."""
    aami = {**SYMBOL_TO_AAMI, "j": "S", "e": "S"}
    if unknown := sorted(set(symbol.tolist()) - set(aami)):
        raise ValueError(f"symbol holds {unknown}, not beats; leave those annotations out.")
    return [AAMI_CLASSES.index(aami[name]) for name in symbol.tolist()]


def _detection(counts, target, not_false_positive):
    """Counts of one class against the others, from a (5, 5) matrix of counts.

    Beats of the classes `not_false_positive` that are taken for it do not count as errors.
    """
    column = AAMI_CLASSES.index(target)
    left_out = [AAMI_CLASSES.index(name) for name in not_false_positive]
    tp, fn, fp, tn = (int(count[column]) for count in _one_against_rest(counts))
    return Detection(tp=tp, fn=fn, fp=fp - int(counts[left_out, column].sum()), tn=tn)


def _labels(values, name, n_classes):
    """Labels as int64, or a ValueError that names the parameter."""
    labels = np.asarray(values)
    foreign = labels[~np.isin(labels, np.arange(n_classes))]
    if foreign.size:
        raise ValueError(f"{name} holds {foreign[0]}; labels must be 0 … {n_classes - 1}.")
    return labels.astype(np.int64)


def _require_equal_lengths(**arrays):
    if len({array.shape for array in arrays.values()}) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"These must have one shape, but are: {shapes}.")


def _checked(confusion):
    """Confusion matrices as an array; a ValueError if their shape or content is wrong."""
    confusion = np.asarray(confusion)
    if confusion.shape[-2:] != (len(CLASSES), len(CLASSES)):
        raise ValueError(f"A confusion matrix must be 3 × 3; this has shape {confusion.shape}.")
    if not confusion.sum(axis=(-2, -1)).all():
        raise ValueError("There are no beats to score; give at least one.")
    return confusion


def _one_against_rest(confusion):
    """TP, FN, FP, TN of each class, each of shape (..., n_classes)."""
    tp = np.diagonal(confusion, axis1=-2, axis2=-1)
    fn = confusion.sum(axis=-1) - tp
    fp = confusion.sum(axis=-2) - tp
    return tp, fn, fp, confusion.sum(axis=(-2, -1))[..., None] - tp - fn - fp


def _ratio(numerator, denominator):
    """Quotient, 0 where the denominator is 0 (the numerator is 0 there as well)."""
    return numerator / np.where(denominator == 0, 1, denominator)


def _ratio_or_nan(numerator, denominator):
    return numerator / denominator if denominator else float("nan")


def scores(confusion, classes):
    """Accuracy and macro-averages, as paper 2 names its columns.

    A ratio without a denominator is 0, and the means run over all classes, also over one
    without recordings. So a macro-F1 of 1 is possible only if every class has a recording.

    Parameters
    ----------
    confusion : array_like of int, shape (n_classes, n_classes)
    classes : sequence of str
        Names of the classes, in order.

    Returns
    -------
    dict
        `accuracy`, `macro_precision`, `sensitivity` (macro recall), `macro_f1`, and
        `per_class`: name -> `precision`, `sensitivity`, `f1`, `support`.

    Raises
    ------
    ValueError
        If the matrix holds no recordings.

    Examples
    --------
    >>> always_sb = scores([[4, 0], [2, 0]], ("SB", "SR"))
    >>> round(always_sb["accuracy"], 3), always_sb["macro_precision"], always_sb["sensitivity"]
    (0.667, 0.3333333333333333, 0.5)
    """
    confusion = np.asarray(confusion)
    if not confusion.sum():
        raise ValueError("There are no recordings to score; give at least one.")
    tp, fn, fp, _ = _one_against_rest(confusion)
    columns = {
        "precision": _ratio(tp, tp + fp),
        "sensitivity": _ratio(tp, tp + fn),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "support": tp + fn,
    }
    return {
        "accuracy": float(tp.sum() / confusion.sum()),
        "macro_precision": float(columns["precision"].mean()),
        "sensitivity": float(columns["sensitivity"].mean()),
        "macro_f1": float(columns["f1"].mean()),
        "per_class": _by_class(columns, classes),
    }


def challenge_f1(per_class):
    """F1 of the CinC Challenge 2017, mean of N, A and O, from `per_class` of `scores`.

    The challenge's four winners reached 0.83 on the hidden test set (Clifford et al. 2017).
    """
    return float(np.mean([per_class[name]["f1"] for name in ("N", "A", "O")]))
