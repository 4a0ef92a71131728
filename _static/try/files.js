"use strict";
// Reads recordings that somebody opens: WFDB records and tables. Nothing leaves the page.

const Try = {}; // everything that the scripts of this page share

Try.files = (() => {
  const MOST_MB = 64;
  const UNITS_PER_MV = 1000;
  const SHORTEST_S = 2;
  const PREDICT = "`python -m ecglib predict`";
  const OTHERS = `${PREDICT} reads more`;
  const MILLIVOLTS = { nv: 1e-6, uv: 1e-3, "µv": 1e-3, "μv": 1e-3, mv: 1, v: 1000, "": 1 };
  const LEAD_II = /^(ecg|lead)?[ _]*(ml)?ii$/i;
  const NO_ECG = new RegExp(
    "^(resp|abp|n?i?bp|art|pap|cvp|icp|ppg|pleth|spo2|co2|eeg|eog|emg|acc|gyr|temp|flow|nasal|" +
      "thor|abd|hr\\b|pulse|mark|trig|event|status|noise)", "i");

  // A file that cannot be read; the message is the sentence that the reader sees.
  class Refused extends Error {
    constructor(message, needsRate = false) {
      super(message);
      this.needsRate = needsRate;
    }
  }

  function refuse(message) {
    throw new Refused(message);
  }

  // A recording from files that belong together: {title, fs, leads, marks}. `leads` have a
  // `name` and `read()`, which gives samples in 1/1000 mV; `marks` are reference beats or null.
  // `rate` is what the reader typed as samples a second, for tables without times.
  async function open(files, rate) {
    for (const { name, size } of files) {
      if (size > MOST_MB * 2 ** 20)
        refuse(`${name} has ${Math.round(size / 2 ** 20)} MB, and this page reads up to ` +
          `${MOST_MB} MB; ${OTHERS}.`);
      if (!size) refuse(`${name} is empty; choose another file.`);
    }
    const headers = files.filter((file) => /\.hea$/i.test(file.name));
    if (headers.length > 1)
      refuse(`${headers[0].name} and ${headers[1].name} are two records; choose one of them.`);
    if (headers.length) return openWfdb(headers[0], files);
    const first = files[0].name;
    if (/\.(dat|atr)$/i.test(first))
      refuse(`${first} cannot be read alone; choose it together with the .hea file beside it.`);
    if (!/\.(csv|tsv|txt)$/i.test(first))
      refuse(`${first} is no kind of file that this page reads, which is WFDB (.hea with .dat) ` +
        `and CSV; ${OTHERS}.`);
    if (files.length > 1) refuse("These are several tables; choose one of them.");
    return openTable(files[0], rate);
  }

  const isEcg = ({ name, unit }) =>
    !NO_ECG.test(name) && (unit.toLowerCase() in MILLIVOLTS || /^(nu|adu|adc)$/i.test(unit));

  // Leads that may be an ECG, lead II first.
  function ecgLeads(signals, title) {
    const leads = signals.filter(isEcg);
    if (!leads.length)
      refuse(`${title} has no ECG lead by name and unit; its signals are ` +
        `${signals.map((signal) => signal.name).join(", ")}.`);
    leads.sort((a, b) => LEAD_II.test(b.name) - LEAD_II.test(a.name));
    return leads;
  }

  // ---- WFDB records, as header(5), signal(5) and annot(5) of its manual describe them

  async function openWfdb(file, files) {
    const header = readHeader(await file.text(), file.name);
    const named = (name) => files.find((one) => one.name === name);
    const leads = ecgLeads(header.signals, file.name);
    const missing = leads.find((lead) => !named(lead.file));
    if (missing)
      refuse(`${file.name} belongs to ${missing.file}, which was not chosen; choose both ` +
        "together.");
    const contents = new Map();
    for (const { file: name } of leads)
      if (!contents.has(name)) contents.set(name, new DataView(await named(name).arrayBuffer()));
    for (const lead of leads)
      lead.read = () => inUnits(readSignal(header, lead, contents.get(lead.file), file.name));
    return {
      title: file.name.replace(/\.hea$/i, ""), fs: header.fs, leads,
      marks: await readMarks(files, file),
    };
  }

  function readHeader(text, name) {
    const lines = text.split(/\r?\n/).map((line) => line.trim());
    const [first, ...rest] = lines.filter((line) => line && !line.startsWith("#"));
    const [record, count, rate, length] = (first ?? "").split(/\s+/);
    const fs = rate ? parseFloat(rate) : 250; // WFDB's rule
    if (!/^\d+$/.test(count ?? "") || !(fs > 0))
      refuse(`${name} is not a WFDB header; choose another file.`);
    if (record.includes("/"))
      refuse(`${name} is a record of several segments, which this page does not read; ` +
        `${OTHERS}.`);
    if (Number(count) === 0) refuse(`${name} names no signal; choose another record.`);
    if (rest.length < Number(count))
      refuse(`${name} is cut off: it has ${count} signals and describes ${rest.length}; copy ` +
        "it again.");
    const signals = rest.slice(0, Number(count)).map((line) => signalOf(line, name));
    for (const signal of signals) { // samples of the signals of a file alternate
      const together = signals.filter((other) => other.file === signal.file);
      signal.many = together.length;
      signal.place = together.indexOf(signal);
    }
    return { fs, length: Number.parseInt(length, 10) || 0, signals };
  }

  function signalOf(line, name) {
    const [file, kind, scale = "", , zero = "0", , checksum, , ...words] = line.split(/\s+/);
    const form = /^(\d+)(x\d+)?(:\d+)?(?:\+(\d+))?$/.exec(kind ?? "");
    const [, gain, baseline, unit] = /^([\d.eE+-]*)(?:\((-?\d+)\))?(?:\/(.+))?$/.exec(scale) ?? [];
    if (!form || gain === undefined) refuse(`${name} is not a WFDB header: "${line}" is no signal.`);
    if (!["16", "212"].includes(form[1]) || form[2] > "x1" || form[3])
      refuse(`${name} has a signal of format ${kind}, and this page reads 16 and 212; ${OTHERS}.`);
    return {
      file, format: Number(form[1]), offset: Number(form[4] ?? 0),
      gain: Number(gain) || 200, baseline: Number(baseline ?? zero) || 0, // WFDB's rules
      unit: unit ?? "mV", name: words.join(" ") || "unnamed", checksum: Number(checksum) || 0,
    };
  }

  // One signal in mV, NaN where the recorder marked a sample as invalid.
  function readSignal({ length }, signal, bytes, header) {
    const { file, format, offset, many, place, gain, baseline } = signal;
    const room = bytes.byteLength - offset;
    const there = Math.floor((format === 16 ? room / 2 : (room * 2) / 3) / many);
    const n = length || there;
    if (there < n)
      refuse(`${file} is cut off: ${header} promises ${n.toLocaleString("en")} samples, and ` +
        `${Math.max(there, 0).toLocaleString("en")} are there; copy it again.`);
    const factor = MILLIVOLTS[signal.unit.toLowerCase()] ?? 1;
    const invalid = format === 16 ? -32768 : -2048;
    const millivolts = new Float32Array(n);
    let sum = 0;
    for (let t = 0, i = place; t < n; t++, i += many) {
      const value = format === 16 ? bytes.getInt16(offset + 2 * i, true) : twelve(bytes, offset, i);
      sum += value;
      millivolts[t] = value === invalid ? NaN : ((value - baseline) / gain) * factor;
    }
    if (signal.checksum && length && ((sum - signal.checksum) & 0xffff) !== 0)
      refuse(`${file} and ${header} do not belong together: the checksum of ${signal.name} is ` +
        "another one; choose the files of one record.");
    return millivolts;
  }

  // Sample i of format 212, which packs two samples of 12 bits into three bytes.
  function twelve(bytes, offset, i) {
    const at = offset + 3 * (i >> 1), middle = bytes.getUint8(at + 1);
    const value = i & 1
      ? bytes.getUint8(at + 2) | ((middle >> 4) << 8)
      : bytes.getUint8(at) | ((middle & 15) << 8);
    return (value << 20) >> 20;
  }

  // Reference beats from an .atr file: {at, kind}, samples and letters of classes; or null.
  async function readMarks(files, header) {
    const file = files.find((one) => /\.atr$/i.test(one.name));
    if (!file) return null;
    if (file.name.replace(/\.atr$/i, "") !== header.name.replace(/\.hea$/i, ""))
      refuse(`${file.name} and ${header.name} do not belong together; choose the files of one ` +
        "record.");
    const bytes = new DataView(await file.arrayBuffer()), at = [], kind = [];
    const SKIP = 59, NOTE = 63, LARGEST = 49; // codes of words that are no annotations follow
    for (let i = 0, time = 0; i + 2 <= bytes.byteLength; ) {
      const word = bytes.getUint16(i, true), code = word >> 10, rest = word & 1023;
      if (word === 0) return { at, kind };
      i += 2;
      if (code === SKIP && i + 4 <= bytes.byteLength)
        time += (bytes.getInt16(i, true) << 16) | bytes.getUint16(i + 2, true);
      if (code === SKIP) i += 4;
      if (code === NOTE) i += rest + (rest & 1);
      if (code > LARGEST) continue;
      time += rest;
      if (code in Try.embedded.codes) at.push(time), kind.push(Try.embedded.codes[code]);
    }
    return refuse(`${file.name} is cut off; copy it again, or leave it out.`);
  }

  // ---- Tables

  const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
  const CLOCK = /^(\d+:)+\d+(\.\d*)?$/;
  const MISSING = /^(-|nan|null|na)?$/i;

  async function openTable(file, rate) {
    const lines = (await file.text()).split(/\r\n|\n|\r/);
    while (lines.length && !lines.at(-1).trim()) lines.pop();
    const split = splitterOf(lines.slice(0, 50));
    const rows = lines.slice(0, 50).map(split);
    const isData = (row) => row.some((cell) => NUMBER.test(cell)) &&
      row.every((cell) => NUMBER.test(cell) || CLOCK.test(cell) || MISSING.test(cell));
    const start = rows.findIndex(isData);
    if (start < 0)
      refuse(`${file.name} holds text and no samples: a table has a column of numbers in mV, ` +
        "and may have names above it.");
    const columns = numbersOf(lines, start, split, rows[start].length, file.name);
    const head = rows.slice(0, start).filter((row) => row.length === columns.length);
    const names = columns.map((_, i) => head[0]?.[i] ?? "");
    const signals = columns.map((values, i) => signalOfColumn(values, names[i], head[1]?.[i], i));
    const time = signals.findIndex((one, i) => isTime(names[i]) ||
      (!head.length && columns.length > 1 && i === 0 && ascends(one.values)));
    const fs = time < 0 ? rate : rateOf(signals[time], file.name);
    if (!fs) throw new Refused(`${file.name} does not say how many samples a second it has; ` +
      "type the number above, and open it again.", true);
    const isIndex = (name) => /^(index|sample\b.*|#|no\.?)$/i.test(name);
    const rest = signals.filter((_, i) => i !== time && !(isIndex(names[i]) && columns.length > 1));
    const leads = ecgLeads(rest, file.name);
    for (const lead of leads) lead.read = () => inUnits(inMillivolts(lead, file.name));
    return { title: file.name, fs, leads, marks: null };
  }

  const isTime = (name) => /^(elapsed )?(time|timestamp|t|zeit|seconds?|secs?|s|ms)\b/i.test(name);

  // A function that cuts a line into cells; numbers may have a decimal comma beside ; and tab.
  function splitterOf(lines) {
    const comma = lines.some((line) => /\d,\d/.test(line));
    const mark = [";", "\t", ","].find((one) => lines.some((line) => line.includes(one)));
    const clean = (cell) => cell.trim().replace(/^["'](.*)["']$/, "$1");
    if (!mark) return (line) => line.trim().split(/\s+/).map(clean);
    if (mark === "," || !comma) return (line) => line.split(mark).map(clean);
    return (line) => line.split(mark).map((cell) => clean(cell).replace(",", "."));
  }

  function numbersOf(lines, start, split, width, name) {
    const columns = Array.from({ length: width }, () => new Float64Array(lines.length - start));
    for (let row = start; row < lines.length; row++) {
      const cells = split(lines[row]), line = () => `${name}, line ${row + 1}`;
      if (cells.length !== width)
        refuse(`${line()}: it has ${cells.length} cells and the lines before ${width}; mend it.`);
      for (let i = 0; i < width; i++) {
        const cell = cells[i];
        let value = cell === "" ? NaN : Number(cell);
        if (Number.isNaN(value) && CLOCK.test(cell))
          value = cell.split(":").reduce((sum, part) => 60 * sum + Number(part), 0);
        if (Number.isNaN(value) && !MISSING.test(cell))
          refuse(`${line()}: "${cell.slice(0, 30)}" is no number; mend it, or leave it empty.`);
        columns[i][row - start] = value;
      }
    }
    return columns;
  }

  // Name and unit of a column: "ecg (uV)", "ecg_uV", or the unit in a second line of names.
  function signalOfColumn(values, name, below, i) {
    const found = /[\s_([]([nuµμm]?V|m?s)[)\]]?$/.exec(name);
    return {
      name: (found ? name.slice(0, found.index) : name) || `column ${i + 1}`,
      unit: found?.[1] ?? below ?? "", values,
    };
  }

  function ascends(values) {
    for (let i = 1; i < values.length; i++) if (!(values[i] > values[i - 1])) return false;
    return values.length > 1;
  }

  // Samples a second of a column of times in s (or ms, if it says so).
  function rateOf({ name, unit, values }, file) {
    const n = values.length, step = (values.at(-1) - values[0]) / (n - 1);
    if (!ascends(values)) refuse(`${file}: its times do not always ascend; mend them.`);
    for (let i = 1; i < n; i++)
      if (values[i] - values[i - 1] > 1.9 * step)
        refuse(`${file}: there is a gap in its times after row ${i.toLocaleString("en")}; cut ` +
          `the table there, or use ${PREDICT}, which reads it with the gap.`);
    const fs = (/ms/.test(name + unit) ? 1000 : 1) / step;
    return Math.abs(fs - Math.round(fs)) < 2e-3 * fs ? Math.round(fs) : fs; // times are rounded
  }

  function inMillivolts({ name, unit, values }, file) {
    const millivolts = Float32Array.from(values, (v) => v * (MILLIVOLTS[unit.toLowerCase()] ?? 1));
    const middle = median(millivolts);
    const large = millivolts.reduce((sum, v) => sum + (Math.abs(v - middle) > 20), 0);
    if (large > 0.01 * values.length)
      refuse(`${file}: the numbers of ${name} are too large for millivolts; write the unit ` +
        'beside the name, as in "ecg (uV)".');
    return millivolts;
  }

  // ---- For both

  // Median of every 16th sample that is valid, as in ecglib.data.signal.peaks.in_units.
  function median(values) {
    const some = values.filter((v, i) => i % 16 === 0 && !Number.isNaN(v)).sort();
    const half = some.length >> 1;
    return some.length % 2 ? some[half] : (some[half - 1] + some[half]) / 2;
  }

  function toEven(x) { // Python rounds halves to even numbers, Math.round does not
    const rounded = Math.round(x);
    return rounded - x === 0.5 && rounded % 2 ? rounded - 1 : rounded;
  }

  // Whole numbers for the C code, 1000 in a millivolt; lines replace invalid samples.
  function inUnits(millivolts) {
    const n = millivolts.length, whole = Float32Array.from(millivolts);
    let last = -1; // the last valid sample
    for (let i = 0; i < n; i++) {
      if (!Number.isFinite(whole[i])) continue;
      for (let k = last + 1; k < i; k++)
        whole[k] = last < 0 ? whole[i]
          : whole[last] + ((whole[i] - whole[last]) * (k - last)) / (i - last);
      last = i;
    }
    if (last >= 0) whole.fill(whole[last], last + 1);
    if (last < 0 || whole.every((v) => v === whole[0]))
      refuse("This lead is one flat line or all invalid; choose another lead or file.");
    const middle = median(whole);
    return Int16Array.from(whole, (v) =>
      Math.max(-32768, Math.min(32767, toEven((v - middle) * UNITS_PER_MV))));
  }

  return { open, Refused, UNITS_PER_MV, SHORTEST_S, OTHERS };
})();
