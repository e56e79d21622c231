"""Updates in PyTorch: eager and compiled; on CUDA each as a captured graph too."""

import numpy as np
import torch
from network_task import RATE, Peer

VERSIONS = {"torch": torch.__version__, "cuda": torch.version.cuda}


def variants(device, threads):
    torch.set_num_threads(threads)
    if device == "cpu":
        return {"PyTorch eager": Eager, "PyTorch compiled": Compiled}
    if not torch.cuda.is_available():
        raise ImportError("PyTorch sees no CUDA device")
    return {
        "PyTorch eager": Eager,
        "PyTorch compiled": Compiled,
        "PyTorch graph": Graph,
        "PyTorch compiled graph": CompiledGraph,
    }


class Eager(Peer):
    def __init__(self, task, kind, device):
        self.device = "cuda" if device == "gpu" else "cpu"
        self.x = torch.from_numpy(task.x.astype(kind)).to(self.device)
        self.t = torch.from_numpy(task.labels if task.is_softmax else task.t.astype(kind)).to(self.device)
        layers = []
        for widths in zip(task.widths, task.widths[1:]):
            layers += [torch.nn.Linear(*widths, dtype=self.x.dtype, device=self.device), torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*layers[:-1])
        self.start = [torch.from_numpy(part.T.copy()) for layer in task.start() for part in layer]
        loss = torch.nn.CrossEntropyLoss() if task.is_softmax else torch.nn.BCEWithLogitsLoss()
        # The mean of the latter is over the outputs too.
        scale = 1 if task.is_softmax else task.widths[-1]
        self.loss_of = lambda rows: loss(self.model(self.x[rows]), self.t[rows]) * scale
        # A graph needs the number of the step on the device.
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE, capturable=device == "gpu")
        self.step = self.optimizer.step
        self.update_eagerly(self.place(np.arange(2)))  # makes the moments
        self.restart()

    def place(self, rows):
        return torch.from_numpy(rows).to(self.device)

    def finish(self):
        if self.device == "cuda":
            torch.cuda.synchronize()

    def restart(self):
        with torch.no_grad():
            for parameter, start in zip(self.model.parameters(), self.start):
                parameter.copy_(start)
            for moments in self.optimizer.state.values():
                for moment in moments.values():
                    moment.zero_()

    def loss(self, rows):
        with torch.inference_mode():
            return self.loss_of(rows).item()

    def update_eagerly(self, rows):
        self.optimizer.zero_grad()
        self.loss_of(rows).backward()
        self.step()

    def update(self, rows):
        self.update_eagerly(rows)


class Compiled(Eager):
    # Compiled, Adam corrects its moments in float32 whatever the network computes in.
    kinds = ["float32"]

    def __init__(self, task, kind, device):
        torch.compiler.reset()  # each network is compiled for itself
        super().__init__(task, kind, device)
        self.loss_of = torch.compile(self.loss_of, dynamic=False)
        self.step = torch.compile(self.optimizer.step)


class Graph(Eager):
    graphs = None

    def update(self, rows):
        self.graphs = self.graphs or {}
        if len(rows) not in self.graphs:
            self.graphs[len(rows)] = self.captured(rows)
        static_rows, graph = self.graphs[len(rows)]
        static_rows.copy_(rows)
        graph.replay()

    def captured(self, rows):
        """Rows to write into, and the graph of an update of these. Leaves the network as it is."""
        rows, graph = rows.clone(), torch.cuda.CUDAGraph()
        moments = [moment for moments in self.optimizer.state.values() for moment in moments.values()]
        numbers = [*self.model.parameters(), *moments]
        kept = [number.detach().clone() for number in numbers]
        # Capture wants warm updates, on a stream that is not the default one.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.update_eagerly(rows)
        torch.cuda.current_stream().wait_stream(stream)
        with torch.no_grad():
            for number, before in zip(numbers, kept):
                number.copy_(before)
        self.optimizer.zero_grad()
        with torch.cuda.graph(graph):
            self.loss_of(rows).backward()
            self.step()
        return rows, graph


class CompiledGraph(Graph, Compiled):
    pass
