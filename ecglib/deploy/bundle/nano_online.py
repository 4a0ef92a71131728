"""Times learning on the device a bundle was copied to: paper 1's online stage, and ours.

Run it in the bundle's folder, beside nano_bench.py. Needs Python 3.6, NumPy and PyTorch 1.9.
"""

import argparse
import os
import statistics
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
EPOCHS = 10
BATCH = 128
PATIENTS = 22
STEPS_AN_EPOCH = 395
"""Batches of 128 in DS1, on which paper 1 fine-tunes for each patient."""

LABELLED = 5
REPLAYED = 64
UPDATE_STEPS = 80
NOISE = 0.01
"""Deviation of what is added to repeated beats, in units of the networks' inputs."""


def pytorch():
    """PyTorch, and the name of the device it computes on.

    Raises
    ------
    ImportError
        If it is not installed, or older than 1.9.
    """
    import torch

    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < (1, 9):
        raise ImportError(f"torch {torch.__version__} is older than 1.9")
    torch.backends.cudnn.allow_tf32 = False  # fp32 shall be fp32
    return torch, "cuda" if torch.cuda.is_available() else "cpu"


def layer_of(step, weights):
    """A convolution or linear layer of a recipe, with its weights."""
    import torch

    weight, bias = (
        torch.from_numpy(weights[step["name"] + end]) for end in (".weight", ".bias")
    )
    if step["op"] == "conv":
        n_out, n_in, kernel = weight.shape
        layer = torch.nn.Conv1d(n_in, n_out, kernel, padding=step["pad"])
    else:
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = weight, bias
    return layer


def network_of(entry, folder=HERE):
    """A network of the bundle in PyTorch.

    Parameters
    ----------
    entry : dict
        Of the manifest's networks, with a recipe.
    folder : str
        The bundle.

    Returns
    -------
    torch.nn.Module
        `features` computes what does not change while the head learns, `head` is the rest.
    """
    import torch

    path = os.path.join(folder, f"weights_{entry['name']}.npz")
    weights = np.load(path, allow_pickle=False)
    steps = [step for step in entry["recipe"] if step["op"] != "flatten"]
    head = []
    for step in steps:
        if step["op"] == "linear":
            head += [layer_of(step, weights), *[torch.nn.ReLU()] * step["relu"]]

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            kinds = {
                kind: [s for s in steps if s["op"] == kind] for kind in ("conv", "join_rr")
            }
            self.pools = [step["pool"] for step in kinds["conv"]]
            self.convs = torch.nn.ModuleList(layer_of(s, weights) for s in kinds["conv"])
            self.rr = torch.nn.ModuleList(layer_of(s, weights) for s in kinds["join_rr"])
            self.head = torch.nn.Sequential(*head)

        def features(self, beat, rr=None):
            x = beat if beat.dim() == 3 else beat.unsqueeze(1)
            for conv, pool in zip(self.convs, self.pools):
                x = torch.nn.functional.max_pool1d(torch.relu(conv(x)), pool)
            return torch.cat([x.flatten(1), *[torch.relu(one(rr)) for one in self.rr]], dim=1)

        def forward(self, beat, rr=None):
            return self.head(self.features(beat, rr))

    return Network().eval()


def beats_like(array, n_beats, generator):
    """So many beats: those of the bundle again and again, each with a little noise."""
    rows = array[np.arange(n_beats) % len(array)]
    return (rows + NOISE * generator.standard_normal(rows.shape)).astype(np.float32)


class Clock:
    """Seconds of a block, of the GPU's work too."""

    def __init__(self, torch, device):
        self.wait = torch.cuda.synchronize if device == "cuda" else lambda: None

    def __enter__(self):
        self.wait()
        self.start = time.perf_counter()
        return self

    def __exit__(self, *_):
        self.wait()
        self.seconds = time.perf_counter() - self.start


def time_paper(torch, device, network, beats, n_steps):
    """Seconds of paper 1's adaptation of one patient, and of one step of its fine-tuning."""
    loss_of, n_beats = torch.nn.functional.cross_entropy, len(beats)
    thirds = np.split(np.arange(beats.shape[1]), 3)
    orders = [np.concatenate([thirds[part] for part in order]) for order in ORDERS]
    places = torch.from_numpy(np.stack(orders)).to(device)
    output = network.head[-1]
    network.head[-1] = torch.nn.Linear(output.in_features, len(ORDERS)).to(device)
    optimizer = torch.optim.Adam(network.head.parameters(), 3e-4)
    with Clock(torch, device) as adapt:
        for _ in range(EPOCHS):
            for rows in torch.randperm(n_beats, device=device).split(BATCH):
                label = torch.randint(len(ORDERS), (len(rows),), device=device)
                with torch.no_grad():  # the backbone is frozen
                    seen = network.features(beats[rows].gather(1, places[label]))
                optimizer.zero_grad()
                loss_of(network.head(seen), label).backward()
                optimizer.step()
    network.head[-1] = output
    optimizer = torch.optim.Adam(network.parameters(), 3e-4)
    batch, label = beats[:BATCH], torch.zeros(min(BATCH, n_beats), dtype=torch.long).to(device)
    seconds = []
    for _ in range(n_steps + 3):
        with Clock(torch, device) as step:
            optimizer.zero_grad()
            loss_of(network(batch), label).backward()
            optimizer.step()
        seconds.append(step.seconds)
    return adapt.seconds, statistics.median(seconds[3:])  # the first three warm up


def time_ours(torch, device, network, beat, rr):
    """Seconds of the features of one patient's beats, and of learning from five labels."""
    loss_of = torch.nn.functional.cross_entropy
    with Clock(torch, device) as features, torch.no_grad():
        seen = network.features(beat, rr)
    label = (torch.arange(len(seen)) % 3).to(device)
    optimizer = torch.optim.Adam(network.head.parameters(), 0.01)
    with Clock(torch, device) as update:
        for _ in range(UPDATE_STEPS):
            replayed = torch.randint(LABELLED, len(seen), (REPLAYED,), device=device)
            rows = torch.cat([torch.arange(LABELLED, device=device), replayed])
            optimizer.zero_grad()
            loss_of(network.head(seen[rows]), label[rows]).backward()
            optimizer.step()
    return features.seconds, update.seconds


def measure(torch, device, networks, n_beats, n_steps):
    """All seconds, as the JSON file has them."""
    found = {entry["name"]: entry for entry in networks if entry["precision"] == "fp32"}
    arrays = np.load(os.path.join(HERE, "beats.npz"), allow_pickle=False)
    generator = np.random.RandomState(0)

    def on_device(name):
        return torch.from_numpy(beats_like(arrays[name], n_beats, generator)).to(device)

    ecgnet, micronet = (network_of(found[n]).to(device) for n in ("ecgnet", "micronet"))
    adapt, step = time_paper(torch, device, ecgnet, on_device("ecgnet_beat"), n_steps)
    inputs = on_device("micronet_beat"), on_device("micronet_rr")
    time_ours(torch, device, micronet, *inputs)  # warms up
    features, update = time_ours(torch, device, micronet, *inputs)
    measured = {"paper_adapt_s": adapt, "paper_finetune_step_s": step}
    measured.update(ours_features_s=features, ours_update_s=update)
    stage = PATIENTS * (adapt + EPOCHS * STEPS_AN_EPOCH * step)
    return {"measured": measured, "estimated": {"paper_stage_22_patients_s": stage}}


def main():
    """Verify the bundle, time both online stages, write the JSON file."""
    import nano_bench

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="online.json", help="file to write (%(default)s)")
    parser.add_argument("--beats", type=int, default=370, help="of a patient (%(default)s)")
    parser.add_argument("--steps", type=int, default=30, help="timed (%(default)s)")
    options = parser.parse_args()
    if options.beats <= LABELLED or options.steps < 1:
        raise SystemExit(f"--beats must be above {LABELLED}, --steps at least 1")
    manifest = nano_bench.verified_bundle()
    try:
        torch, device = pytorch()
    except ImportError as error:
        raise SystemExit(f"PyTorch 1.9 or newer is needed: {error}") from None
    found = measure(torch, device, manifest["networks"], options.beats, options.steps)
    result = {"format": 1, "bundle": manifest["bundle"], "device": device}
    result.update(machine=nano_bench.describe_machine(), torch=torch.__version__, **found)
    nano_bench.write_json(options.out, result)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
