"""Another name of `ecglib.data.sets.mitdb.load_beats`, for programs outside this repository."""

from ecglib.data.sets.mitdb import load_beats, read_record

__all__ = ["load_beats", "read_record"]
