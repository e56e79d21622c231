"""The article's step in PyTorch: eager and compiled; on CUDA each as a captured graph too."""

import torch

VERSIONS = {"torch": torch.__version__, "cuda": torch.version.cuda, "threads": torch.get_num_threads()}


def variants(device):
    torch.compiler.reset()  # each shape is compiled for itself
    if device == "cpu":
        return {"PyTorch eager": looped, "PyTorch compiled": compiled(looped)}
    if not torch.cuda.is_available():
        raise RuntimeError("PyTorch sees no CUDA device")
    return {
        "PyTorch eager": looped,
        "PyTorch compiled": compiled(looped),
        "PyTorch graph": graphed,
        "PyTorch compiled graph": compiled(graphed),
    }


def place(array, device):
    return torch.from_numpy(array).float().to("cuda" if device == "gpu" else "cpu")


def step(inputs, targets, weight, rate):
    y = torch.sigmoid(inputs @ weight)
    return weight + rate * (inputs.T @ ((targets - y) * y * (1 - y)))


def looped(inputs, targets, weight, rate, step=step):
    @torch.inference_mode()
    def run(iterations):
        w = weight
        for _ in range(iterations):
            w = step(inputs, targets, w, rate)
        return w.cpu().numpy()

    return run


def compiled(prepare):
    return lambda *problem: prepare(*problem, step=torch.compile(step, dynamic=False))


def graphed(inputs, targets, weight, rate, step=step):
    w = weight.clone()
    graph = torch.cuda.CUDAGraph()
    with torch.no_grad():
        # Capture wants a warm step, on a stream that is not the default one.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                step(inputs, targets, w, rate)
        torch.cuda.current_stream().wait_stream(stream)
        with torch.cuda.graph(graph):
            w.copy_(step(inputs, targets, w, rate))

    def run(iterations):
        w.copy_(weight)
        for _ in range(iterations):
            graph.replay()
        return w.cpu().numpy()

    return run
