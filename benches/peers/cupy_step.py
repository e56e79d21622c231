"""The article's step in CuPy: NumPy's, on the GPU."""

import cupy as cp

VERSIONS = {"cupy": cp.__version__}


def variants(_device):
    cp.cuda.runtime.getDeviceCount()  # says so where there is none
    return {"CuPy": prepare}


def place(array, _device):
    return cp.asarray(array, dtype=cp.float32)


def prepare(inputs, targets, weight, rate):
    def run(iterations):
        w = weight.copy()
        for _ in range(iterations):
            y = 1 / (1 + cp.exp(-(inputs @ w)))
            w += rate * (inputs.T @ ((targets - y) * y * (1 - y)))
        return cp.asnumpy(w)

    return run
