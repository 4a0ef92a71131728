"""Networks by name; to add one, write a class that takes an `ECGNetConfig` and name it here."""

from ecglib.models.ecgnet import ECGNet

MODELS = {"ecgnet": ECGNet}
