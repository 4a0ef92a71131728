"use strict";
// The page: choosing a recording, asking for classes, and what they changed.

(() => {
  const by = (id) => document.getElementById(id);
  const count = (n) => n.toLocaleString("en");
  const some = (n, what) => `${count(n)} ${what}${n === 1 ? "" : "s"}`;
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const { embedded, files, strip, learner } = Try;

  let recording = null; // {title, fs, gain, leads, marks}
  let state = null; // see `classify`
  let opened = []; // files that the reader chose last

  // ---- A recording

  // Classify a lead, and show it. A file that cannot be read changes nothing but the message.
  function classify(chosen, lead) {
    const { fs, gain, marks, title } = chosen;
    const samples = lead.read();
    if (samples.length < files.SHORTEST_S * fs)
      throw new files.Refused(`${title} is shorter than ${files.SHORTEST_S} seconds; choose a ` +
        "longer recording.");
    const beats = Number.isInteger(fs) ? learner.classify(samples, fs, gain) : null;
    if (!beats)
      throw new files.Refused(`${title} has ${Number(fs.toFixed(3))} samples a second, and this ` +
        `page reads whole numbers from 100 to 500; ${files.OTHERS}.`);
    if (!beats.time.length && state) relearn(); // the C code has opened another recording
    if (!beats.time.length)
      throw new files.Refused(`No beat was found in ${lead.name} of ${title}; choose another ` +
        "lead or file.");
    recording = chosen;
    state = {
      samples, fs, gain, beats, names: embedded.classes, asked: null,
      first: beats.kind.slice(), firstSure: beats.sure.slice(), // before any label
      labels: new Map(), skipped: new Set(), // beats that the reader gave a class, or none
      known: marks && match(marks, beats.time, fs), reference: null,
      shown: -1, // changed beat that was shown last
    };
  }

  // Bring the C code, and the classes, to what the labels that are kept have taught.
  function relearn() {
    const { beats, labels } = state;
    learner.forget(state.fs, state.gain);
    beats.kind.set(state.first);
    beats.sure.set(state.firstSure);
    for (const [beat, label] of labels) learner.learn(beats, beat, label);
  }

  // Class letter of the reference for each beat found, "" where there is none. In order of time
  // every reference beat takes the earliest one that is near enough, as ecglib does it.
  function match({ at, kind }, time, fs) {
    const reach = embedded.tolerance * fs, found = new Array(time.length).fill("");
    let next = 0, n = 0;
    for (let i = 0; i < at.length; i++) {
      while (next < time.length && time[next] < at[i] - reach) next++;
      if (next < time.length && time[next] <= at[i] + reach) found[next++] = kind[i], n++;
    }
    return { found, n, of: at.length };
  }

  function open(chosen, lead = chosen.leads[0]) {
    const start = performance.now();
    try {
      classify(chosen, lead);
    } catch (error) {
      return complain(error);
    }
    const spent = Math.round(performance.now() - start);
    by("error").textContent = "";
    by("rate-row").hidden = true;
    by("work").hidden = false;
    by("work").scrollIntoView();
    by("lead").replaceChildren(...recording.leads.map((one) => new Option(one.name)));
    by("lead").selectedIndex = recording.leads.indexOf(lead);
    by("lead-row").hidden = recording.leads.length < 2;
    by("reference-row").hidden = !state.known;
    by("reference").checked = false;
    const seconds = state.samples.length / state.fs;
    const { known } = state;
    by("about").textContent = `${recording.title}. ${strip.clock(seconds)} (h:mm:ss), ${state.fs} samples a ` +
      `second, ${some(state.beats.time.length, "beat")} found` +
      (known ? `; ${count(known.n)} of ${count(known.of)} reference beats are among them.` : ".");
    strip.show(state);
    by("scale").textContent = strip.scaleText();
    ask();
    say(`${recording.title}: ${some(state.beats.time.length, "beat")} classified in ${spent} ms.`);
  }

  function complain(error) {
    const known = error instanceof files.Refused;
    if (!known) console.error(error);
    say("");
    by("error").textContent = known ? error.message
      : "This file could not be read; choose another one.";
    by("rate-row").hidden = !error.needsRate;
    if (error.needsRate) by("rate").focus();
  }

  async function openFiles() {
    if (!opened.length) return;
    by("error").textContent = "";
    say("Reading the file.");
    await new Promise((next) => setTimeout(next, 50)); // so that the sentence is shown first
    try {
      const found = await files.open(opened, by("rate").valueAsNumber || 0);
      open({ ...found, gain: files.UNITS_PER_MV });
    } catch (error) {
      complain(error);
    }
  }

  function openPatient(title, { fs, gain, samples, marks }) {
    const read = () => new Int16Array(learner.bytesOf(samples).buffer);
    open({ title, fs, gain, leads: [{ name: "invented lead", read }], marks });
  }

  // ---- Asking and learning

  // Ask about the beat of which the network is least sure.
  function ask() {
    const { beats, labels, skipped } = state;
    let least = null;
    for (let i = 0; i < beats.time.length; i++)
      if (!labels.has(i) && !skipped.has(i) && (least === null || beats.sure[i] < beats.sure[least]))
        least = i;
    state.asked = least;
    for (const button of document.querySelectorAll("#answers button"))
      button.disabled = least === null;
    if (least !== null) strip.centre(least);
    by("question").textContent = questionText();
    by("sure").textContent = least !== null && beats.sure[least] >= embedded.unsure
      ? "It is rather sure of all beats that are left. You can stop here." : "";
    report();
    strip.redraw();
  }

  function questionText() {
    const { asked, beats, fs, names } = state;
    if (asked === null) return "You have seen all beats.";
    return `Which class has the marked beat at ${strip.clock(beats.time[asked] / fs)}? The ` +
      `network says ${names[beats.kind[asked]]}, at a chance of ${percent(beats.sure[asked] / embedded.one)}.`;
  }

  function answer(label) {
    if (!state || state.asked === null) return;
    const { beats, asked, names } = state, before = beats.kind.slice();
    if (label === null) {
      state.skipped.add(asked);
      ask();
      say(`Skipped. ${questionText()}`);
      return;
    }
    learner.learn(beats, asked, label);
    state.labels.set(asked, label);
    const moves = new Map();
    beats.kind.forEach((kind, i) => {
      const move = `${names[before[i]]} to ${names[kind]}`;
      if (kind !== before[i]) moves.set(move, (moves.get(move) ?? 0) + 1);
    });
    const what = [...moves].map(([move, n]) => `${count(n)} from ${move}`).join(", ");
    const n = [...moves.values()].reduce((sum, one) => sum + one, 0);
    ask();
    say(`You said ${names[label]}. ` + (n ? `${some(n, "beat")} changed: ${what}.`
      : "No beat changed its class.") + ` ${questionText()}`);
  }

  function undo() {
    const last = [...state.labels.keys()].at(-1);
    if (last === undefined) return say("There is no label to take back.");
    state.labels.delete(last);
    relearn();
    ask();
    say(`Your last label is taken back. ${questionText()}`);
  }

  function forget() {
    state.labels.clear();
    state.skipped.clear();
    relearn();
    ask();
    say(`All labels are forgotten: the network answers as at the start. ${questionText()}`);
  }

  // Show the next beat whose class is not that of the start.
  function showChanged() {
    const { beats, first, fs, names } = state, n = first.length;
    for (let k = 1; k <= n; k++) {
      const i = (state.shown + k) % n;
      if (beats.kind[i] === first[i]) continue;
      state.shown = i;
      strip.centre(i);
      return say(`The beat at ${strip.clock(beats.time[i] / fs)} was ${names[first[i]]}, and is ` +
        `${names[beats.kind[i]]} now.`);
    }
    return say("No beat has changed.");
  }

  // ---- Before and after

  function report() {
    const { first, beats, names, labels, known } = state;
    const counts = (kinds) => names.map((_, c) => kinds.reduce((n, kind) => n + (kind === c), 0));
    const [before, now] = [counts(first), counts(beats.kind)];
    const rows = names.map((name, c) => [`${name} beats`, count(before[c]), count(now[c])]);
    const changed = beats.kind.reduce((n, kind, i) => n + (kind !== first[i]), 0);
    rows.push(["Changed beats", "", count(changed)], ["Your labels", "", count(labels.size)]);
    if (known) rows.push(["Accuracy", share(first), share(beats.kind)]);
    by("rows").replaceChildren(...rows.map(([name, ...cells]) => {
      const row = document.createElement("tr"), head = document.createElement("th");
      head.scope = "row";
      head.textContent = name;
      row.append(head);
      for (const cell of cells) row.insertCell().textContent = cell;
      return row;
    }));
    by("accuracy-note").hidden = !known;
  }

  // Share of right classes among N, S and V beats that the reader did not label.
  function share(kinds) {
    const { known, names, labels } = state;
    let right = 0, all = 0;
    known.found.forEach((name, i) => {
      if (!names.includes(name) || labels.has(i)) return;
      all++;
      right += names[kinds[i]] === name;
    });
    return all ? percent(right / all) : "none to compare";
  }

  // ---- The page

  function say(text) {
    by("said").textContent = text;
  }

  function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.target.matches("input:not([type=range], [type=checkbox]), select")) return;
    const place = embedded.classes.indexOf(event.key.toUpperCase());
    if (place >= 0) answer(place);
    else if (event.key === "?") answer(null);
  }

  async function start() {
    if (!embedded) {
      by("error").textContent = "This is the source of the page: run `make book`, and open " +
        "_build/html/_static/try/index.html.";
      return;
    }
    await learner.start();
    strip.start(by("strip"), by("place"));
    document.querySelectorAll("#patients button").forEach((button, i) =>
      button.addEventListener("click", () =>
        openPatient(button.firstChild.textContent, embedded.patients[i])));
    by("files").addEventListener("change", ({ target }) => {
      opened = [...target.files];
      target.value = ""; // so that the same files can be chosen again
      openFiles();
    });
    by("again").addEventListener("click", openFiles);
    by("lead").addEventListener("change", () =>
      open(recording, recording.leads[by("lead").selectedIndex]));
    by("reference").addEventListener("change", ({ target }) => {
      state.reference = target.checked ? state.known.found : null;
      strip.redraw();
    });
    for (const button of document.querySelectorAll("#answers button"))
      button.addEventListener("click", () =>
        answer(button.value === "?" ? null : embedded.classes.indexOf(button.value)));
    by("back").addEventListener("click", () => state.asked !== null && strip.centre(state.asked));
    by("changed").addEventListener("click", showChanged);
    by("undo").addEventListener("click", undo);
    by("forget").addEventListener("click", forget);
    document.addEventListener("keydown", onKey);
    by("source").textContent = `C code ${embedded.facts.source_sha256.slice(0, 12)}, compiled by ` +
      embedded.facts.compiler;
    by("labels").textContent = embedded.labels;
    by("choose").disabled = false;
    Try.state = () => state; // for tests
  }

  start();
})();
