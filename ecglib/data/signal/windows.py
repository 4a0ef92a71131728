"""Windows of fixed length around R-peaks."""

import numpy as np


def cut(signal, sample, *, before, after, length):
    """Windows `[R - before, R + after)` of a signal, resampled to `length` if need be.

    Where a window reaches over the signal's edge, the nearest sample is repeated. If `length`
    is not `before + after`, a polyphase low-pass filter resamples each window; beyond the
    window's ends it continues the straight line through first and last sample, so no edge
    rings.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,), float32
        One lead.
    sample : ndarray, shape (n_beats,), int
        R-peaks, in samples.
    before, after, length : int
        Samples before the R-peak, from the R-peak on, and of the result.

    Returns
    -------
    windows : ndarray, shape (n_beats, length), float32
    n_padded : int
        How many windows reached over an edge.

    Examples
    --------
    >>> windows, n_padded = cut(np.arange(5.0), np.array([0, 3]), before=2, after=2, length=4)
    >>> windows, n_padded
    (array([[0., 0., 0., 1.],
           [1., 2., 3., 4.]], dtype=float32), 1)
    """
    width = before + after
    padded = np.pad(np.asarray(signal, dtype=np.float32), (before, after), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)[sample]
    n_padded = np.count_nonzero((sample < before) | (sample + after > len(signal)))
    if length != width:
        from scipy.signal import resample_poly  # takes a while; the default needs none

        windows = resample_poly(windows, length, width, axis=1, padtype="line")
    return windows.astype(np.float32, copy=False), int(n_padded)
