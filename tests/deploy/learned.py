"""What the C code has learned, as Python sees it."""

import ctypes

import numpy as np

from ecglib.personalize import learner


class InC:
    """`ecg_learned` of a library that `harness.library` compiled."""

    def __init__(self, code, n_units=16):
        self.code = code

        class Learned(ctypes.Structure):
            _fields_ = (
                ("weight", ctypes.c_int64 * (n_units + 1) * 3),
                ("n", ctypes.c_int32),
                ("effect", ctypes.c_int16 * 3 * learner.LABELS),
                ("unit", ctypes.c_int8 * n_units * learner.LABELS),
                ("label", ctypes.c_int8 * learner.LABELS),
            )

        self.state = Learned()
        self.n_kept = 2 * (12 + ctypes.sizeof(Learned))

    def learn(self, unit, label):
        self.code.ecg_learn(ctypes.byref(self.state), _bytes(unit), int(label))

    def decide(self, unit):
        sure = ctypes.c_int32()
        answer = self.code.ecg_decide(
            ctypes.byref(self.state), _bytes(unit), ctypes.byref(sure)
        )
        return answer, sure.value

    def effect(self):
        return np.array(self.state.effect)[: self.state.n]

    def save(self, kept, *, dies_after=None):
        """Save to `kept` (uint8); the power is cut after some bytes."""
        done = [0]

        @ctypes.CFUNCTYPE(None, ctypes.c_int32, ctypes.c_uint8)
        def write(place, byte):
            if dies_after is None or done[0] < dies_after:
                kept[place] = byte
            done[0] += 1

        self.code.ecg_save(ctypes.byref(self.state), ctypes.c_void_p(kept.ctypes.data), write)
        return done[0]

    def load(self, kept):
        place = ctypes.c_void_p(kept.ctypes.data)
        return self.code.ecg_load(ctypes.byref(self.state), place)


def _bytes(unit):
    signed = (unit.astype(np.int16) - 128).astype(np.int8)
    return ctypes.create_string_buffer(signed.tobytes(), len(signed))
