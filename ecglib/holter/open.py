"""A person's recording, opened whatever the form of its files."""

from ecglib.holter.from_wfdb import WfdbRecording


def open_recording(path):
    """Open a recording: a WFDB record.

    Parameters
    ----------
    path : path
        A WFDB record without extension.

    Returns
    -------
    ecglib.holter.recording.Recording

    Raises
    ------
    UserError
        If a file is missing or damaged.
    """
    return WfdbRecording(path)
