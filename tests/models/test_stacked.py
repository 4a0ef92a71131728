"""Networks side by side answer and learn as each does by itself."""

import copy

import pytest
import torch
import torch.nn.functional as F

from ecglib.models.ecgnet import ECGNet, ECGNetConfig
from ecglib.models.stacked import Stacked
from ecglib.personalize.strategies import add_adapters

CHANNELS = (3, 4, 5, 6, 7)


def networks_of(norm="batch", adapters=False, n_networks=3):
    """Networks with different weights, statistics and, if they have them, adapters."""
    networks = []
    for seed in range(n_networks):
        torch.manual_seed(seed)
        network = ECGNet(ECGNetConfig(CHANNELS, n_times=75, norm=norm))
        if adapters:
            add_adapters(network, seed)
        with torch.no_grad():
            for parameter in network.parameters():  # adapters and norms start alike
                parameter += 0.05 * torch.randn(parameter.shape)
            network.train()(3 * torch.randn(32, 75))  # statistics of BatchNorm
        networks.append(network.eval())
    return networks


@pytest.mark.parametrize("adapters", [False, True])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_each_network_answers_as_by_itself(norm, adapters):
    networks = networks_of(norm, adapters)
    x = torch.randn(10, 75)
    with torch.no_grad():
        together = Stacked(networks).eval()(x)
        for number, network in enumerate(networks):
            torch.testing.assert_close(together[:, number], network(x), rtol=1e-4, atol=1e-5)


def test_features_of_each_network_lie_where_its_head_expects_them():
    networks = networks_of()
    x = torch.randn(6, 75)
    stack = Stacked(networks).eval()
    with torch.no_grad():
        own = stack.features(x)
        for number, network in enumerate(networks):
            torch.testing.assert_close(own[:, number], network.features(x))
        shared = networks[0].features(x)
        for number, network in enumerate(networks):
            expected = network.classify(shared)
            torch.testing.assert_close(stack.classify(shared)[:, number], expected)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_step_changes_each_network_as_it_would_alone(norm):
    networks = networks_of(norm, adapters=True)
    stack, alone = Stacked(networks).train(), copy.deepcopy(networks)
    x, y = torch.randn(16, 75), torch.randint(3, (16,))
    optimizer = torch.optim.SGD(stack.parameters(), lr=0.1)
    torch.manual_seed(5)
    logits = stack(x)
    sum(F.cross_entropy(logits[:, number], y) for number in range(3)).backward()
    optimizer.step()
    stack.write_back(networks)
    for network, expected in zip(networks, alone, strict=True):
        torch.manual_seed(5)  # the dropout of the stack
        F.cross_entropy(expected.train()(x), y).backward()
        torch.optim.SGD(expected.parameters(), lr=0.1).step()
        for name, tensor in expected.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                torch.testing.assert_close(network.state_dict()[name], tensor, msg=name)


def test_writing_back_what_was_stacked_changes_nothing():
    networks = networks_of(adapters=True)
    before = [copy.deepcopy(network.state_dict()) for network in networks]
    Stacked(networks).write_back(networks)
    for network, state in zip(networks, before, strict=True):
        assert all(torch.equal(network.state_dict()[name], state[name]) for name in state)
