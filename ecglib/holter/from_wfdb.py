"""WFDB records: of one segment or several, with any number of samples in a frame."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecglib.aami import SYMBOL_TO_AAMI
from ecglib.data.records import annotations, n_frames, read_header, read_signal
from ecglib.holter.recording import AGAIN, Recording, Signal, check_gaps
from ecglib.system.errors import UserError

SAME_BEAT_S = 0.05
"""Marks on different signals that are no farther apart belong to one beat; no two beats are."""

_OURS = (".csv", ".html", ".htm", ".png", ".svg", ".pdf", ".npz")  # what commands write


@dataclass(frozen=True)
class _Segment:
    """A part of a record: its place and length in frames, and its files (None: a gap)."""

    start: int
    frames: int
    path: Path | None = None
    header: object = None


class WfdbRecording(Recording):
    """A WFDB record; `path` is without extension."""

    def __init__(self, path):
        super().__init__(path)
        self.name = self.path.name
        _check_there(Path(f"{path}.hea"))
        header = read_header(path, AGAIN, segments=True)
        when = (header.base_date, header.base_time)
        self.start = " ".join(str(part) for part in when if part is not None)
        if hasattr(header, "seg_name"):
            self._described = self._read_segments(header)
        else:
            self._described = header
            self._segments = [_Segment(0, n_frames(path, header, AGAIN), self.path, header)]
        if not header.has_fs:
            self.note(
                "the header gives no samples a second; by WFDB's rule they are 250, so all "
                "times are a guess"
            )
        self._fs, self._frames = float(header.fs), sum(s.frames for s in self._segments)
        about = self._described
        leads = zip(about.sig_name, about.units, about.samps_per_frame, strict=True)
        self.signals = tuple(
            Signal(name, unit, self._fs * many, self._frames * many)
            for name, unit, many in leads
        )
        self.files = self._all_files(getattr(header, "seg_name", []))

    def _read_segments(self, header):
        """Find the segments; the header that describes all signals is returned."""
        folder, headers, start, self._segments = self.path.parent, {}, 0, []
        for name, frames in zip(header.seg_name, header.seg_len, strict=True):
            if name == "~":
                self._segments.append(_Segment(start, frames))
            else:
                _check_there(folder / f"{name}.hea")
                part = headers.get(name) or read_header(folder / name, AGAIN)
                headers[name] = part
                if part.fs != header.fs:
                    raise UserError(
                        f"{folder / name}.hea gives {part.fs:g} Hz and {self.path}.hea "
                        f"{header.fs:g} Hz; correct the one that is wrong"
                    )
                self._segments.append(_Segment(start, frames, folder / name, part))
            start += frames
        if not start or not headers:
            raise UserError(f"{self.path}.hea names no segment that has samples; {AGAIN}")
        # in a variable layout the first segment has no samples, and describes all signals
        return next(iter(headers.values()))

    def _all_files(self, segments):
        folder, stems = self.path.parent, {self.name, *segments}
        named = {name for s in self._segments if s.path for name in s.header.file_name}
        return tuple(
            sorted(
                path
                for path in folder.iterdir()
                if path.name in named
                or (path.stem in stems and path.suffix.lower() not in _OURS)
            )
        )

    def read(self, index):
        about, many = self.signals[index], self._described.samps_per_frame[index]
        parts = [(s, self._channel(s, index)) for s in self._segments if s.frames]
        gaps = sum(segment.frames for segment, channel in parts if channel is None)
        check_gaps(self.path, gaps * many)
        signal = np.full(about.n_samples, np.nan, dtype=np.float32)
        for segment, channel in parts:
            if channel is not None:
                start = segment.start * many
                signal[start : start + segment.frames * many] = self._part(
                    segment, channel, about
                )
        return signal

    def _channel(self, segment, index):
        """Place of a signal in a segment, or None: that of its name, else in a fixed layout the
        same place."""
        if segment.header is None:
            return None
        names, name = self._described.sig_name, self.signals[index].name
        places = [i for i, other in enumerate(segment.header.sig_name) if other == name]
        if not places and self._segments[0].frames:
            return index if index < segment.header.n_sig else None
        same = names[:index].count(name)
        return places[same] if same < len(places) else None

    def _part(self, segment, channel, about):
        header = segment.header
        if self._fs * header.samps_per_frame[channel] != about.fs:
            raise UserError(
                f"{segment.path}.hea has another rate for {about.name} than the segments "
                "before it, which is not read: name one segment"
            )
        if not header.has_gain[channel]:
            self.note(
                f"the header gives no gain for {about.name}; by WFDB's rule 200 steps are 1 "
                "mV, so its amplitude is a guess"
            )
        signal = read_signal(segment.path, header, channel, frames=segment.frames, advice=AGAIN)
        return self._in_millivolts(signal, about, header.units[channel])

    def annotations(self, extension, fs):
        _check_there(Path(f"{self.path}.{extension}"))
        with annotations(self.path, extension, AGAIN) as read:
            beat = np.isin(np.asarray(read.symbol, dtype="U1"), list(SYMBOL_TO_AAMI))
            symbol = np.asarray(read.symbol, dtype="U1")[beat]
            place = read.sample[beat] * (fs / (read.fs or self._fs))
            channel = read.chan[beat]
        sample = np.rint(place).astype(np.int64)
        inside = (sample >= 0) & (sample < round(self._frames * fs / self._fs))
        if outside := np.count_nonzero(~inside):
            self.note(
                f"{outside:,} beats of {self.name}.{extension} lie outside of the recording "
                "and are left out"
            )
        kept = np.flatnonzero(inside)
        kept = kept[_first_marks(sample[kept], channel[kept], fs)]
        return sample[kept], symbol[kept]


def _first_marks(sample, channel, fs):
    """Mask of marks that do not repeat the beat of the mark before on another signal."""
    first, at, on = np.ones(len(sample), dtype=bool), -np.inf, None
    for i, (place, signal) in enumerate(zip(sample.tolist(), channel.tolist(), strict=True)):
        since = place - at
        first[i] = since > (SAME_BEAT_S * fs if signal != on else 0)
        if first[i]:
            at, on = place, signal
    return first


def _check_there(path):
    if not os.path.isfile(path):  # which is silent about names that cannot be
        raise UserError(
            f"{path} does not exist; check the name, and that the files lie together"
        )
