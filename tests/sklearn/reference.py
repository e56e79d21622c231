"""Writes reference.json beside this file, what scikit-learn says of some predictions: python3 reference.py

Needs numpy and scikit-learn 1.7 or later. Predictions are made from pre-activations that the program can be given as
features of a network whose weights are the identity; rounded, so that many are equal.
"""

import json
import pathlib

import numpy as np
from sklearn import calibration, dummy, metrics
from sklearn.preprocessing import LabelBinarizer

HERE = pathlib.Path(__file__).parent


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def case(name, activation, z, targets, weights, expected, classes=None, loss="cross-entropy"):
    return {
        "name": name,
        "activation": activation,
        "loss": loss,
        "classes": classes,
        "inputs": z.tolist(),
        "targets": targets.tolist(),
        "weights": None if weights is None else weights.tolist(),
        "measured": expected,
    }


def weights_of(random, weighted, n):
    """Eighths, exact as floats; some are 0."""
    return random.randint(0, 17, n) / 8 if weighted else None


def of_classes(actual, predicted, probabilities, weights, labels):
    """What does not depend on how the outputs are made."""
    how = {"sample_weight": weights}
    table = metrics.precision_recall_fscore_support(actual, predicted, labels=labels, zero_division=np.nan, **how)
    one_hot = np.array([actual == label for label in labels]).T
    aucs = [
        metrics.roc_auc_score(one, p, **how) if one.any() else None for one, p in zip(one_hot.T, probabilities.T)
    ]
    zeros = np.zeros((len(actual), 1))
    most = dummy.DummyClassifier(strategy="most_frequent").fit(zeros, actual, weights)
    prior = dummy.DummyClassifier(strategy="prior").fit(zeros, actual, weights).predict_proba(zeros)
    present = sorted(set(actual))
    absent = len(present) < len(labels)
    priors = np.zeros((len(actual), len(labels)))
    priors[:, [list(labels).index(label) for label in present]] = prior
    none_if_nan = lambda numbers: [None if np.isnan(number) else float(number) for number in numbers]
    return {
        "log_loss": metrics.log_loss(actual, probabilities, labels=labels, **how),
        "accuracy": metrics.accuracy_score(actual, predicted, **how),
        "auc": None if absent else float(np.mean(aucs)),
        "brier": metrics.brier_score_loss(actual, probabilities, labels=labels, scale_by_half=len(labels) == 2, **how),
        "confusion": metrics.confusion_matrix(actual, predicted, labels=labels, **how).tolist(),
        "precision": none_if_nan(table[0]),
        "recall": none_if_nan(table[1]),
        "f1": none_if_nan(table[2]),
        "aucs": aucs,
        "baseline": {
            "accuracy": metrics.accuracy_score(actual, most.predict(zeros), **how),
            "log_loss": metrics.log_loss(actual, priors, labels=labels, **how),
            "brier": metrics.brier_score_loss(actual, priors, labels=labels, scale_by_half=len(labels) == 2, **how),
        },
    }


def binary(name, seed, n, weighted):
    random = np.random.RandomState(seed)
    z = (random.normal(0, 2, (n, 1)) * 2).round() / 2
    targets = (random.uniform(size=(n, 1)) < sigmoid(z + 0.7)).astype(float)
    weights = weights_of(random, weighted, n)
    actual, p = targets[:, 0], sigmoid(z[:, 0])
    expected = of_classes(actual, (p > 0.5).astype(float), np.array([1 - p, p]).T, weights, [0.0, 1.0])
    # The same by its own function, not over both classes.
    expected["auc"] = metrics.roc_auc_score(actual, p, sample_weight=weights)
    if not weighted:
        observed, prediction = calibration.calibration_curve(actual, p, n_bins=10)
        expected["calibration"] = np.array([prediction, observed]).T.tolist()
    return case(name, "sigmoid", z, targets, weights, [expected], classes=["no", "yes"])


def several(name, seed, n, n_classes, weighted, absent=None):
    random = np.random.RandomState(seed)
    z = (random.normal(0, 1.5, (n, n_classes)) * 2).round() / 2
    actual = np.array([random.choice(n_classes, p=p) for p in softmax(z * 0.7 + np.arange(n_classes) / 5)])
    if absent is not None:
        actual[actual == absent] = (absent + 1) % n_classes
    weights = weights_of(random, weighted, n)
    targets = LabelBinarizer().fit(range(n_classes)).transform(actual).astype(float)
    p = softmax(z)
    # argmax takes the first of the largest.
    expected = of_classes(actual, p.argmax(axis=1), p, weights, list(range(n_classes)))
    if absent is None:
        expected["auc"] = metrics.roc_auc_score(actual, p, multi_class="ovr", average="macro", sample_weight=weights)
    return case(name, "softmax", z, targets, weights, [expected], classes=list("abcdefgh"[:n_classes]))


def labels(name, seed, n, n_outputs):
    """Several targets of 0 and 1, each on its own."""
    random = np.random.RandomState(seed)
    z = random.normal(0, 2, (n, n_outputs)).astype(np.float32).astype(float)
    targets = (random.uniform(size=z.shape) < sigmoid(z)).astype(float)
    expected = []
    for actual, p in zip(targets.T, sigmoid(z).T):
        expected.append(of_classes(actual, (p > 0.5).astype(float), np.array([1 - p, p]).T, None, [0.0, 1.0]))
    return case(name, "sigmoid", z, targets, None, expected)


def of_numbers(t, y, weights):
    how = {"sample_weight": weights}
    zeros = np.zeros((len(t), 1))
    mean = dummy.DummyRegressor().fit(zeros, t, weights).predict(zeros)
    return {
        "rmse": metrics.root_mean_squared_error(t, y, **how),
        "mae": metrics.mean_absolute_error(t, y, **how),
        "r2": metrics.r2_score(t, y, **how) if len(set(t)) > 1 else None,
        "baseline": {
            "mean": mean[0],
            "rmse": metrics.root_mean_squared_error(t, mean, **how),
            "mae": metrics.mean_absolute_error(t, mean, **how),
        },
    }


def numbers(name, seed, n, n_outputs, weighted, constant=False, offset=0.0):
    random = np.random.RandomState(seed)
    z = random.normal(offset, 3, (n, n_outputs)).astype(np.float32).astype(float)
    targets = np.full_like(z, 2.5) if constant else z + random.normal(0, 1, z.shape)
    targets = targets.astype(np.float32).astype(float)
    weights = weights_of(random, weighted, n)
    expected = [of_numbers(t, y, weights) for t, y in zip(targets.T, z.T)]
    return case(name, "identity", z, targets, weights, expected, loss="squared-error")


def shares(name, seed, n, weighted):
    random = np.random.RandomState(seed)
    z = random.normal(0, 2, (n, 1)).astype(np.float32).astype(float)
    targets = random.uniform(0, 1, (n, 1)).astype(np.float32).astype(float)
    weights = weights_of(random, weighted, n)
    t, p = targets[:, 0], sigmoid(z[:, 0])
    entropy = lambda y: float(np.average(-t * np.log(y) - (1 - t) * np.log(1 - y), weights=weights))
    numbers = of_numbers(t, p, weights)
    expected = {
        "log_loss": entropy(p),
        "rmse": numbers["rmse"],
        "baseline": {"log_loss": entropy(numbers["baseline"]["mean"]), "rmse": numbers["baseline"]["rmse"]},
    }
    return case(name, "sigmoid", z, targets, weights, [expected])


CASES = [
    binary("two classes, many equal", 1, 300, False),
    binary("two classes, weighted", 2, 300, True),
    several("five classes", 3, 300, 5, False),
    several("five classes, weighted", 4, 300, 5, True),
    several("five classes, one of them absent", 5, 200, 5, False, absent=3),
    labels("three targets of 0 and 1", 6, 120, 3),
    numbers("numbers", 7, 150, 1, False),
    numbers("two targets far from 0, weighted", 8, 150, 2, True, offset=1e4),
    numbers("a constant target", 9, 40, 1, False, constant=True),
    shares("shares", 10, 150, False),
    shares("shares, weighted", 11, 150, True),
]

with open(HERE / "reference.json", "w") as file:
    lines = ",\n".join(json.dumps(case) for case in CASES)
    file.write(f"[\n{lines}\n]\n")
