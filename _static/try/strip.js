"use strict";
// Draws a part of the recording on ECG paper, and lets one move along it.

Try.strip = (() => {
  const MM = 4; // CSS pixels of a millimetre
  const PX_PER_S = 25 * MM;
  const HEIGHT = 272, TOP = 48, BOTTOM = 22, REFERENCE = 18; // px: rows of letters
  const AROUND = [0.07, 0.11]; // s before and after an R-peak that are coloured
  const SCALES = [10, 5, 2.5, 1]; // mm/mV, the largest that fits is taken
  const DARK = matchMedia("(prefers-color-scheme: dark)");

  let canvas, place, colors, waiting = false;
  let view = null; // {samples, fs, gain, beats, first, names, labels, reference, asked}
  let left = 0; // s at the left edge
  let mmPerMv = 10;

  const clock = (s) => {
    const two = (x) => String(Math.floor(x)).padStart(2, "0");
    return `${Math.floor(s / 3600)}:${two((s / 60) % 60)}:${two(s % 60)}`;
  };
  const seconds = () => canvas.clientWidth / PX_PER_S;
  const length = () => view.samples.length / view.fs;

  function start(element, slider) {
    [canvas, place] = [element, slider];
    readColors();
    DARK.addEventListener("change", () => (readColors(), redraw()));
    new ResizeObserver(() => view && moveTo(left)).observe(canvas);
    place.addEventListener("input", () => moveTo(Number(place.value)));
    canvas.addEventListener("keydown", onKey);
    canvas.addEventListener("wheel", onWheel, { passive: false });
    let grip = null;
    canvas.addEventListener("pointerdown", (event) => {
      grip = { x: event.clientX, left };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (grip) moveTo(grip.left - (event.clientX - grip.x) / PX_PER_S);
    });
    for (const end of ["pointerup", "pointercancel"])
      canvas.addEventListener(end, () => (grip = null));
  }

  function readColors() {
    const style = getComputedStyle(document.documentElement);
    const names = ["paper", "grid", "grid-5", "ink", "n", "s", "v", "on-n", "on-s", "on-v", "mark"];
    colors = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`)]));
  }

  function onKey(event) {
    const page = 0.9 * seconds();
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: -page,
      PageDown: page }[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (by) moveTo(left + by);
    else if (event.key === "Home") moveTo(0);
    else if (event.key === "End") moveTo(Infinity);
    else return;
    event.preventDefault();
  }

  function onWheel(event) {
    if (Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return; // that scrolls the page
    event.preventDefault();
    moveTo(left + event.deltaX / PX_PER_S);
  }

  function show(shown) {
    view = shown;
    mmPerMv = scaleOf(view);
    place.max = canvas.ariaValueMax = Math.max(0, Math.floor(length() - seconds()));
    canvas.ariaValueMin = 0;
    moveTo(0);
  }

  // The amplitude scale at which 99.8 % of the samples fit between the rows of letters.
  function scaleOf({ samples, gain }) {
    const some = samples.filter((_, i) => i % 37 === 0).sort();
    const range = some[Math.floor(0.999 * some.length)] - some[Math.floor(0.001 * some.length)];
    const room = (HEIGHT - TOP - BOTTOM - REFERENCE) / MM;
    return SCALES.find((scale) => (range / gain) * scale <= 0.8 * room) ?? SCALES.at(-1);
  }

  function moveTo(s) {
    left = Math.max(0, Math.min(s, length() - seconds()));
    place.value = left;
    redraw();
  }

  const centre = (i) => moveTo(view.beats.time[i] / view.fs - seconds() / 2);

  function redraw() {
    if (waiting || !view) return;
    waiting = true;
    requestAnimationFrame(draw);
  }

  const scaleText = () => `25 mm/s, ${mmPerMv} mm/mV`;

  // Beats between two times, as indices [from, to).
  function between(from, to) {
    const { time } = view.beats, first = (s) => {
      let low = 0, high = time.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (time[middle] < s * view.fs) low = middle + 1;
        else high = middle;
      }
      return low;
    };
    return [first(from), first(to)];
  }

  function draw() {
    waiting = false;
    const width = canvas.clientWidth, sharp = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * sharp)) {
      canvas.width = Math.round(width * sharp);
      canvas.height = Math.round(HEIGHT * sharp);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    const [from, to] = between(left - 0.3, left + seconds() + 0.3);
    paper(pen, width);
    question(pen);
    trace(pen, width, from, to);
    letters(pen, from, to);
    times(pen, width);
    describe();
  }

  function paper(pen, width) {
    pen.fillStyle = colors.paper;
    pen.fillRect(0, 0, width, HEIGHT);
    for (const [step, color] of [[1, colors.grid], [5, colors["grid-5"]]]) {
      const size = step * MM;
      pen.beginPath();
      for (let x = -((left * PX_PER_S) % size); x < width; x += size) line(pen, x, 0, x, HEIGHT);
      for (let y = 0; y < HEIGHT; y += size) line(pen, 0, y, width, y);
      pen.strokeStyle = color;
      pen.lineWidth = 1;
      pen.stroke();
    }
  }

  function line(pen, x1, y1, x2, y2) {
    pen.moveTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
    pen.lineTo(Math.round(x2) + 0.5, Math.round(y2) + 0.5);
  }

  const xOf = (i) => (view.beats.time[i] / view.fs - left) * PX_PER_S;

  function question(pen) {
    if (view.asked === null) return;
    pen.fillStyle = colors.mark;
    pen.fillRect(xOf(view.asked) - 0.3 * PX_PER_S, 0, 0.6 * PX_PER_S, HEIGHT);
  }

  function trace(pen, width, from, to) {
    const { samples, fs, gain, beats, names } = view;
    const first = Math.max(0, Math.floor(left * fs) - 1);
    const last = Math.min(samples.length - 1, Math.ceil((left + seconds()) * fs) + 1);
    const some = samples.slice(first, last + 1).filter((_, i) => i % 8 === 0).sort();
    const middle = some[some.length >> 1], height = HEIGHT - TOP - BOTTOM - REFERENCE;
    const y = (value) => TOP + 0.6 * height - ((value - middle) / gain) * mmPerMv * MM;
    const part = (start, end, color, thick) => {
      pen.beginPath();
      for (let i = Math.max(start, first); i <= Math.min(end, last); i++)
        pen.lineTo((i / fs - left) * PX_PER_S, Math.max(2, Math.min(HEIGHT - 2, y(samples[i]))));
      pen.strokeStyle = color;
      pen.lineWidth = thick;
      pen.lineJoin = "round";
      pen.stroke();
    };
    part(first, last, colors.ink, 1.2);
    for (let i = from; i < to; i++) {
      const [before, after] = AROUND.map((s) => Math.round(s * fs)), r = beats.time[i];
      part(r - before, r + after, colors[names[beats.kind[i]].toLowerCase()], 2.4);
    }
  }

  // Above every beat the letter of its class, what it was, what the reader said; below the
  // reference, if the reader wants to see it.
  function letters(pen, from, to) {
    const { beats, first, names, labels, reference, asked } = view;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (let i = from; i < to; i++) {
      const x = xOf(i), name = names[beats.kind[i]], low = name.toLowerCase();
      pen.fillStyle = colors[low];
      pen.beginPath();
      pen.arc(x, 14, 10, 0, 2 * Math.PI);
      pen.fill();
      pen.fillStyle = colors[`on-${low}`];
      pen.font = "bold 13px system-ui, sans-serif";
      pen.fillText(name, x, 14.5);
      pen.fillStyle = colors.ink;
      pen.font = "12px system-ui, sans-serif";
      const was = beats.kind[i] === first[i] ? "" : `was ${names[first[i]]}`;
      const said = labels.has(i) ? `you: ${names[labels.get(i)]}` : i === asked ? "?" : was;
      pen.fillText(said, x, 34);
      if (reference) pen.fillText(reference[i], x, HEIGHT - BOTTOM - REFERENCE / 2);
    }
  }

  function times(pen, width) {
    pen.fillStyle = colors.ink;
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    for (let s = Math.ceil(left / 2) * 2; s < left + seconds(); s += 2) {
      const x = (s - left) * PX_PER_S;
      pen.fillRect(Math.round(x), HEIGHT - BOTTOM + 2, 1, BOTTOM);
      if (x < width - 60) pen.fillText(clock(s), x + 4, HEIGHT - BOTTOM / 2 + 2);
    }
  }

  // What a screen reader says of the strip.
  function describe() {
    const [from, to] = between(left, left + seconds()), { beats, names, asked } = view;
    const said = Array.from(beats.kind.subarray(from, to), (kind, k) =>
      from + k === asked ? `${names[kind]} asked` : names[kind]);
    canvas.ariaValueNow = Math.round(left);
    canvas.ariaValueText = `${clock(left)} to ${clock(left + seconds())}: ${said.join(" ")}`;
  }

  return { start, show, redraw, draw, centre, moveTo, clock, scaleText };
})();
