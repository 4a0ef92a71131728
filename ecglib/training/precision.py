"""Number formats of a run: fp32, fp16 and bf16, native on a GPU or emulated anywhere.

*Native* is PyTorch's automatic mixed precision (Micikevicius et al. 2018): convolutions and
linear layers run in 16 bits, losses and statistics in fp32. *Emulated* rounds inputs and
outputs of these layers, forwards and backwards, to the 16-bit grid, and computes in fp32. This
gives the numbers of a 16-bit unit that accumulates in fp32. It says nothing about speed.
"""

from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from ecglib.system.errors import UserError
from ecglib.system.settings import Settings, setting

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
"""Name of a number format -> its type in torch."""

_ROUNDED = {F.conv1d: 3, F.linear: 3, F.batch_norm: 1}
"""Functions that a 16-bit unit computes -> how many of their first arguments are rounded."""


@dataclass(frozen=True, kw_only=True)
class PrecisionSettings(Settings):
    """Number format of a run.

    Attributes
    ----------
    precision : {"fp32", "fp16", "bf16"}
        Format of convolutions and linear layers; losses and statistics stay in fp32.
    precision_impl : {"native", "emulated"}
        "native" uses the device's own units, "emulated" rounds.
    """

    precision: str = setting("fp32", one_of=DTYPES)
    precision_impl: str = setting("native", one_of=("native", "emulated"))

    def check(self):
        super().check()
        if (self.precision, self.precision_impl) == ("fp32", "emulated"):
            raise UserError("precision is fp32, which needs no precision_impl: emulated")


class _Round(torch.autograd.Function):
    """Round values to another format and convert them back to fp32; the same for gradients."""

    @staticmethod
    def forward(ctx, x, dtype):
        ctx.dtype = dtype
        return x.to(dtype).to(x.dtype)

    @staticmethod
    def backward(ctx, gradient):
        return gradient.to(ctx.dtype).to(gradient.dtype), None


def round_to(x, precision):
    """Round a tensor to a number format; its gradient is rounded as well.

    Parameters
    ----------
    x : Tensor
        Any shape, float32.
    precision : {"fp32", "fp16", "bf16"}
        Values too large for the format become infinite, too small ones zero.

    Returns
    -------
    Tensor, float32

    Examples
    --------
    >>> round_to(torch.tensor([1 + 2**-9, 70000.0]), "bf16").tolist()
    [1.0, 70144.0]
    >>> round_to(torch.tensor([1 + 2**-9, 70000.0]), "fp16").tolist()
    [1.001953125, inf]
    """
    return _Round.apply(x, DTYPES[precision])


class Emulated(TorchFunctionMode):
    """Context in which inputs and outputs of convolutions, linear layers and BatchNorm are
    rounded to 16 bits."""

    def __init__(self, precision):
        super().__init__()
        self.precision = precision

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Run `func`, with rounding if it is one of the functions in `_ROUNDED`."""
        if func not in _ROUNDED:
            return func(*args, **(kwargs or {}))
        n_read = _ROUNDED[func]  # the bias may be None
        read = [a if a is None else round_to(a, self.precision) for a in args[:n_read]]
        return round_to(func(*read, *args[n_read:], **(kwargs or {})), self.precision)


def autocast(device_type, precision):
    """PyTorch's automatic mixed precision, for a context with many training steps.

    By default PyTorch keeps the 16-bit copy of every weight until the context ends. A network
    would then compute with its first weights all the time, so this is turned off.
    """
    return torch.autocast(device_type, DTYPES[precision], cache_enabled=False)


@dataclass
class Tally:
    """Number of training steps inside a context, and of those that the scaler left out.

    A step is left out if a gradient is not finite, since the loss was scaled too much. The
    scaler then halves its factor.
    """

    precision: str
    steps: int = 0
    skipped: int = 0


_CURRENT = ContextVar("precision", default=None)


@contextmanager
def running(precision, impl, device):
    """Run the enclosed trainings and predictions in a number format.

    Parameters
    ----------
    precision : {"fp32", "fp16", "bf16"}
        The format.
    impl : {"native", "emulated"}
        "native" uses autocast, "emulated" rounds operands and results.
    device : torch.device
        Device of the networks.

    Yields
    ------
    Tally
        Counts of the enclosed training steps.

    Raises
    ------
    UserError
        If a 16-bit format is to be native on a CPU. Autocast there is ten to twenty-five times
        slower than fp32 and says nothing about speed.
    RuntimeError
        If another format is active already, since formats cannot be nested.
    """
    if _CURRENT.get():
        raise RuntimeError("a number format is running already; leave its context first")
    reduced = precision != "fp32"
    if reduced and impl == "native" and device.type == "cpu":
        raise UserError(
            f"precision is {precision} and precision_impl native, but device is cpu; "
            "set precision_impl: emulated, or use a GPU"
        )
    with ExitStack() as stack:
        if device.type == "cuda":  # TF32 would round the mantissa to ten bits
            stack.enter_context(torch.backends.cudnn.flags(enabled=True, allow_tf32=False))
        if reduced and impl == "native":
            stack.enter_context(autocast(device.type, precision))
        elif reduced:
            stack.enter_context(Emulated(precision))
        tally = Tally(precision)
        token = _CURRENT.set(tally)
        try:
            yield tally
        finally:
            _CURRENT.reset(token)


@contextmanager
def products_as_convolutions():
    """Let products of matrices use TF32 if convolutions may use it.

    This is for products that replace a convolution. By default, cuDNN's convolutions may use
    TF32 on a GPU, and products of matrices may not.
    """
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


class Stepper:
    """Optimizer steps in the current format; gradients are scaled in fp16 only."""

    def __init__(self, optimizer, device):
        self.optimizer, self.tally = optimizer, _CURRENT.get() or Tally("fp32")
        scales = self.tally.precision == "fp16"
        self.scaler = torch.amp.GradScaler(device.type, enabled=scales)
        self.steps, self.skipped = 0, 0

    def step(self, loss):
        """One step down the gradient of a loss."""
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        before = self.scaler.get_scale()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        skipped = self.scaler.get_scale() < before
        self.steps += 1
        self.skipped += skipped
        self.tally.steps += 1
        self.tally.skipped += skipped
