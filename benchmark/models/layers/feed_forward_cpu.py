"""What surrounds the products of a feed-forward network as compiled loops, each in one pass.

Arrays are [rows, width] and of one float type, or those next to a product hold bfloat16 (see
``compiled_numbers``). ``drawn`` is a ``dropout.Draw``; a limit of 0 drops nothing.
"""

import numpy as np

from benchmark.models.layers.compiled_numbers import compiled, normal, put, wide
from benchmark.models.layers.dropout import draw_row


@compiled
def activate(drawn, inputs, bias, outputs):  # type: ignore[no-untyped-def]
    """``outputs``: dropout of GELU of ``inputs`` + ``bias``."""
    factors = np.ones_like(bias)
    for row in range(inputs.shape[0]):
        draw_row(drawn, row, factors)
        given, target = inputs[row], outputs[row]
        for x in range(bias.size):
            value = wide(given[x]) + bias[x]
            below, _ = normal(value)
            put(target, x, value * below * factors[x])


@compiled
def activate_backward(drawn, inputs, bias, gradients, to_inputs, to_bias):  # type: ignore[no-untyped-def]
    """From ``gradients`` of the outputs those of the inputs; their sum is added to ``to_bias``."""
    factors = np.ones_like(bias)
    for row in range(inputs.shape[0]):
        draw_row(drawn, row, factors)
        given, gradient, target = inputs[row], gradients[row], to_inputs[row]
        for x in range(bias.size):
            value = wide(given[x]) + bias[x]
            below, density = normal(value)
            slope = wide(gradient[x]) * factors[x] * (below + value * density)
            to_bias[x] += slope
            put(target, x, slope)


@compiled
def add(drawn, residual, inputs, bias, outputs):  # type: ignore[no-untyped-def]
    """``outputs``: ``residual`` + dropout of ``inputs`` + ``bias``."""
    factors = np.ones_like(bias)
    for row in range(inputs.shape[0]):
        draw_row(drawn, row, factors)
        old, given, target = residual[row], inputs[row], outputs[row]
        for x in range(bias.size):
            target[x] = old[x] + (wide(given[x]) + bias[x]) * factors[x]


@compiled
def add_backward(drawn, gradients, to_inputs, to_bias):  # type: ignore[no-untyped-def]
    """From ``gradients`` of the outputs those of the inputs; their sum is added to ``to_bias``."""
    factors = np.ones_like(to_bias)
    for row in range(gradients.shape[0]):
        draw_row(drawn, row, factors)
        gradient, target = gradients[row], to_inputs[row]
        for x in range(to_bias.size):
            slope = gradient[x] * factors[x]
            to_bias[x] += slope
            put(target, x, slope)
