"""The article's step in JAX: all iterations in one compiled loop."""

import jax
import numpy as np

VERSIONS = {"jax": jax.__version__, "jaxlib": jax.lib.__version__}
# On CUDA the default is TF32, three decimal digits; the others compute in float32.
jax.config.update("jax_default_matmul_precision", "highest")


def variants(device):
    jax.devices(device)  # says so where there is none
    return {"JAX jit": prepare}


def place(array, device):
    return jax.device_put(array.astype(np.float32), jax.devices(device)[0])


@jax.jit
def train(inputs, targets, weight, rate, iterations):
    def step(_, w):
        y = jax.nn.sigmoid(inputs @ w)
        return w + rate * (inputs.T @ ((targets - y) * y * (1 - y)))

    return jax.lax.fori_loop(0, iterations, step, weight)


def prepare(inputs, targets, weight, rate):
    return lambda iterations: np.asarray(train(inputs, targets, weight, rate, iterations))
