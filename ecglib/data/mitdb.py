"""`ecglib.data.mitdb.load_beats`, the name that programs outside this repository import."""

from ecglib.data.sets.mitdb import load_beats, read_record

__all__ = ["load_beats", "read_record"]
