"""Capsules in float64 NumPy, written from the paper."""

import numpy as np


def squash(s, axis=-1, epsilon=1e-7):
    square = np.sum(s**2, axis=axis, keepdims=True)
    return square / (1 + square) * s / np.sqrt(square + epsilon)


def routing(u, kernel, bias=0.0, iterations=3, coefficients=None):
    """Procedure 1, one sample after the other. `kernel[i, :, j]` takes input capsule i to its prediction for j."""
    given = [None] * len(u) if coefficients is None else coefficients
    return np.array([route(sample, kernel, bias, iterations, c)[0] for sample, c in zip(u, given, strict=True)])


def route(sample, kernel, bias=0.0, iterations=3, coefficients=None):
    """Output capsules, and the coefficients `(inputs, outputs)`, which may be given instead of found."""
    inputs, _, outputs, size = kernel.shape
    predictions = np.array([[sample[i] @ kernel[i, :, j] for j in range(outputs)] for i in range(inputs)])
    logits = np.zeros((inputs, outputs))
    for iteration in range(iterations):
        c = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) if coefficients is None else coefficients
        v = np.zeros((outputs, size))
        for j in range(outputs):
            v[j] = squash(sum(c[i, j] * predictions[i, j] for i in range(inputs)) + np.broadcast_to(bias, v.shape)[j])
        if iteration < iterations - 1:
            for i, j in np.ndindex(inputs, outputs):
                logits[i, j] += predictions[i, j] @ v[j]
    return v, c
