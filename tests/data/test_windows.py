import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ecglib.data.signal.windows import cut


@given(st.integers(1, 40), st.integers(1, 15), st.integers(1, 15), st.data())
def test_agrees_with_a_loop_over_clipped_indices(n_samples, before, after, data):
    signal = np.arange(n_samples, dtype=np.float32)
    sample = np.array(data.draw(st.lists(st.integers(0, n_samples - 1), max_size=8)), dtype=int)
    windows, n_padded = cut(signal, sample, before=before, after=after, length=before + after)
    expected = [
        [min(max(i, 0), n_samples - 1) for i in range(peak - before, peak + after)]
        for peak in sample
    ]
    np.testing.assert_array_equal(windows, np.reshape(expected, windows.shape))
    outside = [peak - before < 0 or peak + after > n_samples for peak in sample]
    assert n_padded == sum(outside)


def test_resampling_keeps_a_slow_wave_and_its_place():
    time = np.arange(2000) / 360
    signal = np.sin(2 * np.pi * 3 * time).astype(np.float32)
    windows, _ = cut(signal, np.array([700, 1100]), before=90, after=90, length=64)
    assert windows.dtype == np.float32
    for peak, window in zip((700, 1100), windows, strict=True):
        at = (peak - 90) / 360 + np.arange(64) * (180 / 64) / 360
        np.testing.assert_allclose(window, np.sin(2 * np.pi * 3 * at), atol=0.03)


def test_resampling_removes_what_the_new_rate_cannot_hold():
    time = np.arange(2000) / 360
    mains = np.sin(2 * np.pi * 120 * time)  # above half of 128 Hz
    windows, _ = cut(mains, np.array([1000]), before=90, after=90, length=64)
    assert np.abs(windows[0, 8:-8]).max() < 0.05
