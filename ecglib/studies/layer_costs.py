"""Study of paper 2's hypothesis that the importance of a layer predicts what rounding costs."""

from dataclasses import asdict, dataclass

from ecglib.compress.allocate import sensitivity
from ecglib.compress.importance import indices
from ecglib.compress.weights import coded_names, matrix_names
from ecglib.personalize.online import Stopwatch
from ecglib.studies.registry import study
from ecglib.studies.rhythm import RhythmConfig, recording_network, recording_sides
from ecglib.system.errors import UserError
from ecglib.training.on_recordings import validation_loss

WIDTHS = (4, 3, 2)
"""Bits of the layer that is rounded alone."""


@dataclass(frozen=True, kw_only=True)
class LayerCostsConfig(RhythmConfig):
    """The network of study `rhythm` on one fold, of which one layer at a time is rounded.

    The rounding is paper 2's: one min–max scale for each tensor, gains of normalizations
    included.
    """

    def check(self):
        super().check()
        if self.fold == "all":
            raise UserError("fold is all; layers are rounded in one network, so give 0 to 4")


@study("layer_costs", LayerCostsConfig)
def run_layer_costs(run):
    """Measure the validation loss with each layer rounded alone, beside the layer's indices."""
    sides = recording_sides(run)
    model, _ = recording_network(run, sides)
    names, matrices = coded_names(model), matrix_names(model)

    def loss(trial):
        return validation_loss(trial, sides.validation)

    watch = Stopwatch()
    with watch.stage("predict"):
        rises = sensitivity(model, names, loss, WIDTHS)
    layers = {
        name: asdict(found)
        | {
            "n_weights": model.get_parameter(name).numel(),
            "gain": name not in matrices,
            "rise": {str(bits): rise for bits, rise in rises[name].items()},
        }
        for name, found in indices(model, names).items()
    }
    metrics = {"loss": loss(model), "recordings": len(sides.validation), "layers": layers}
    return {"metrics": metrics, "runtime_s": dict(watch.seconds)}
