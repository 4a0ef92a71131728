"""How the learning rate falls, how weights decay, and the rate of learned quantizer steps."""

import numpy as np
import pytest
import torch
from torch import nn

from ecglib.training.loop import Schedule, fit


def walked(schedule, scores):
    """A weight and a quantizer step after each epoch of one step down a bent slope."""

    class Slope:
        def __len__(self):
            return 1

        def loss(self, index, generator):
            return bent(net)

    net, places = stepped(), []

    def validate(model):
        places.append((model.out.weight.item(), model.out.weight_quantizer.learned.item()))
        return next(scores)

    fit(net, ("out",), Slope(), schedule, seed=7, validate=validate)
    return places


def stepped():
    """A weight beside a learned quantizer step, by its name."""
    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(2.0)
    layer.weight_quantizer = nn.Module()
    layer.weight_quantizer.learned = nn.Parameter(torch.tensor(1.0))
    return nn.ModuleDict({"out": layer})


def bent(net):
    return (net.out.weight**2).sum() + 3 * net.out.weight_quantizer.learned**2


@pytest.mark.parametrize("step_rate", [1.0, 0.01])
@pytest.mark.parametrize("plateau", [1, 2])
def test_a_plateau_of_the_validation_loss_is_followed_by_a_lower_rate(plateau, step_rate):
    """Adam with L2 in its gradient and ReduceLROnPlateau on the loss, stepped by hand."""
    losses = [0.9, 0.5, 0.6, 0.7, 0.8, 0.9, 0.4, 0.7, 0.6, 0.8]
    net, expected = stepped(), []
    groups = [
        {"params": [net.out.weight], "lr": 0.1},
        {"params": [net.out.weight_quantizer.learned], "lr": 0.1 * step_rate},
    ]
    optimizer = torch.optim.Adam(groups, weight_decay=0.3)
    rules = {"factor": 0.3, "patience": plateau}
    falling = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "min", **rules)
    for loss in losses:
        optimizer.zero_grad()
        bent(net).backward()
        optimizer.step()
        falling.step(loss)
        expected.append((net.out.weight.item(), net.out.weight_quantizer.learned.item()))
    rules = {"patience": 10, "plateau": plateau, "step_rate": step_rate}
    schedule = Schedule(len(losses), 1, 0.1, weight_decay=0.3, **rules)
    found = walked(schedule, iter([-loss for loss in losses]))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert optimizer.param_groups[0]["lr"] < 0.1  # the losses do have a plateau


def test_learned_steps_move_by_their_own_rate():
    """On its first step AdamW moves everything by its learning rate."""
    schedule = Schedule(1, 1, 0.1, weight_decay=0.0, step_rate=0.01, patience=1)
    ((weight, step),) = walked(schedule, iter([1.0]))
    assert (2 - weight, 1 - step) == pytest.approx((0.1, 0.001), rel=1e-4)


class Flat:
    """One beat whose loss does not depend on the network."""

    def __init__(self, net):
        self.net = net

    def __len__(self):
        return 1

    def loss(self, index, generator):
        return 0 * sum(p.sum() for p in self.net.parameters())


def fitted_on_nothing(epochs, **rules):
    """Parameters of a layer before and after steps without any gradient."""
    net = nn.ModuleDict({"out": nn.Linear(4, 3)})
    nn.init.uniform_(net.out.bias, 0.5, 1.5)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    schedule = Schedule(epochs, 1, 0.1, weight_decay=0.3, **rules)
    validate = (lambda model: 1.0) if "plateau" in rules else None
    fit(net, ("out",), Flat(net), schedule, seed=7, validate=validate)
    return before, dict(net.named_parameters())


@pytest.mark.parametrize("epochs", [1, 3])
def test_without_a_gradient_weights_and_biases_shrink_by_their_decay_alone(epochs):
    """AdamW takes the learning rate's share of the decay off, whose rate falls each epoch."""
    before, after = fitted_on_nothing(epochs, decay=0.5)
    left = np.prod([1 - 0.1 * 0.5**epoch * 0.3 for epoch in range(epochs)])
    assert set(after) == {"out.weight", "out.bias"}
    for name, parameter in after.items():
        torch.testing.assert_close(parameter.detach(), before[name] * left, rtol=1e-6, atol=0)


def test_decay_in_the_gradient_of_adam_moves_everything_by_the_learning_rate():
    """Paper 2's optimizer: the first step of Adam is the sign of its gradient, here of p."""
    before, after = fitted_on_nothing(1, patience=1, plateau=1)
    for name, parameter in after.items():
        expected = before[name] - 0.1 * before[name].sign()
        torch.testing.assert_close(parameter.detach(), expected, rtol=1e-4, atol=1e-6)
