"""Configuration of the study that holds the engine against the usual way of doing the work."""

from dataclasses import dataclass

from ecglib.config.reduced import PrecisionConfig
from ecglib.system.errors import UserError

TASKS = ("windows", "pretraining", "training", "online", "inference")


@dataclass(frozen=True, kw_only=True)
class SpeedConfig(PrecisionConfig):
    """One piece of work, done the usual way and ours, on the same machine in one run.

    Attributes
    ----------
    task : {"windows", "pretraining", "training", "online", "inference"}
        Windows of a record's beats; epochs of the puzzle; epochs of supervised training; the
        online stage of all patients; one beat through every runtime.
    patients : int
        Patients of an online stage.
    usual_patients : int
        Patients who have an online stage the usual way; the seconds are scaled to all.
    threads : int
        Of PyTorch on a processor.
    """

    study = "speed"
    arm_keys = ("task", "strategy", "finetune", "patients", "threads", "precision")

    task: str = "online"
    patients: int = 22
    usual_patients: int = 22
    threads: int = 1

    def _check(self, name, value):
        super()._check(name, value)
        if name == "task" and value not in TASKS:
            raise UserError(f"task is {value!r}; it must be one of: {', '.join(TASKS)}")
        if name in ("patients", "usual_patients") and value < 1:
            raise UserError(f"{name} is {value}; it must be at least 1")
        if name == "usual_patients" and value > self.patients:
            raise UserError(f"usual_patients is {value}, more than patients: {self.patients}")
