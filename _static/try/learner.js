"use strict";
// The C code of the device, compiled to WebAssembly: finds beats, classifies them, and learns.

Try.learner = (() => {
  const HELD_S = 0.6; // the last sample is held so long, so that the last beat is found
  let code, samples, time, kind, sure, unit, chunk, batch, units;

  const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

  async function start() {
    const { instance } = await WebAssembly.instantiate(bytesOf(Try.embedded.learner));
    code = instance.exports;
    const at = (name, Type, length) =>
      new Type(code.memory.buffer, code[`web_${name}`].value, length);
    [chunk, batch, units] = at("sizes", Int32Array, 3);
    samples = at("samples", Int16Array, chunk);
    time = at("time", Int32Array, batch);
    kind = at("class", Int8Array, batch);
    sure = at("sure", Int32Array, batch);
    unit = at("unit", Int8Array, batch * units);
  }

  // Beats of a recording: sample, class and its probability in 1/16384 of each, and the bytes
  // of the last hidden layer; null if the C code does not read so many samples a second.
  function classify(recording, fs, gain) {
    if (!forget(fs, gain)) return null;
    const parts = { time: [], kind: [], sure: [], unit: [] };
    const keep = (n) => {
      parts.time.push(time.slice(0, n));
      parts.kind.push(kind.slice(0, n));
      parts.sure.push(sure.slice(0, n));
      parts.unit.push(unit.slice(0, n * units));
    };
    const end = recording.length + Math.floor(HELD_S * fs);
    for (let from = 0; from < end; from += chunk) {
      const part = recording.subarray(from, from + chunk);
      samples.set(part);
      samples.fill(recording.at(-1), part.length);
      keep(code.web_feed(Math.min(chunk, end - from)));
    }
    keep(code.web_close());
    const joined = (arrays, Type) => {
      const whole = new Type(arrays.reduce((sum, one) => sum + one.length, 0));
      arrays.reduce((place, one) => (whole.set(one, place), place + one.length), 0);
      return whole;
    };
    return {
      time: joined(parts.time, Int32Array).map((t) => Math.min(t, recording.length - 1)),
      kind: joined(parts.kind, Int8Array),
      sure: joined(parts.sure, Int32Array),
      unit: joined(parts.unit, Int8Array),
    };
  }

  // Forget all labels; false if the C code does not read so many samples a second.
  const forget = (fs, gain) => code.web_open(fs, gain) === 0;

  // Learn that beat i has a class, and classify all beats again.
  function learn(beats, i, label) {
    unit.set(beats.unit.subarray(i * units, (i + 1) * units));
    code.web_learn(label);
    const n = beats.time.length;
    for (let from = 0; from < n; from += batch) {
      const many = Math.min(batch, n - from);
      unit.set(beats.unit.subarray(from * units, (from + many) * units));
      code.web_decide(many);
      beats.kind.set(kind.subarray(0, many), from);
      beats.sure.set(sure.subarray(0, many), from);
    }
  }

  return { start, classify, learn, forget, bytesOf };
})();
