// The page of a run. Whatever tasks, hosts and files call themselves reaches
// the page by textContent alone, and so is text.
"use strict";

const $ = id => document.getElementById(id);
const TOKEN = (() => {
  // The part behind # is sent to nobody; it leaves the address bar as well.
  const given = /(?:^#|&)token=([0-9a-f]+)/.exec(location.hash);
  try {
    if (given) {
      sessionStorage.setItem("token", given[1]);
      history.replaceState(null, "", location.pathname);
    }
    return given ? given[1] : sessionStorage.getItem("token");
  } catch {
    return given && given[1];
  }
})();

let state = null, line = null, mode = "whole", tab = "recent";
let rate = null, shown = {}, lost = false;

// -- Making things ------------------------------------------------------------

function make(tag, how = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(how))
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else made.setAttribute(name, value);
  made.append(...inside.filter(one => one !== null && one !== undefined));
  return made;
}

function draw(tag, how, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(how)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// Leaves alone what has not changed, so that focus and selection stay.
function fill(id, key, build) {
  const text = JSON.stringify(key);
  if (shown[id] === text) return;
  shown[id] = text;
  $(id).replaceChildren(...build());
}

function say(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

const count = n => Math.round(n).toLocaleString("en").replace(/,/g, "\u202f");

function time(s) {
  if (s === 0) return "0";
  if (s < 1e-3) return `${Math.round(s * 1e6)} µs`;
  if (s < 1) return `${+(s * 1e3).toPrecision(3)} ms`;
  if (s < 120) return `${+s.toPrecision(3)} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h`;
}

function speed(n) {
  if (n >= 100) return `${count(n)}/s`;
  if (n >= 1) return `${+n.toPrecision(2)}/s`;
  if (n * 60 >= 1) return `${+(n * 60).toPrecision(2)}/min`;
  return n > 0 ? `${+(n * 3600).toPrecision(2)}/h` : "0/s";
}

// -- How far it is ------------------------------------------------------------

const isBehind = () => state.live && state.status && state.share_read < 0.98;
const doneNow = () => isBehind() ? state.status.done : state.done;

function measure() {
  const now = state.now_us / 1e6, done = doneNow();
  if (!rate || done < rate.done || !state.live)
    rate = {at: now, done, value: null};
  const passed = now - rate.at;
  if (passed < 1) return;
  const fresh = (done - rate.done) / passed;
  const keep = Math.exp(-passed / 8);
  rate = {at: now, done,
          value: rate.value === null ? fresh : rate.value * keep + fresh * (1 - keep)};
}

function numbers() {
  // The ventilator knows at once what the log tells when it is read.
  const live = state.status || {}, ends = isBehind() ? live : state.counts;
  const bad = ends.failed + ends.quarantined + ends.cancelled;
  const passed = ends.ok + ends.ignored + ends.dropped;
  const known = state.live && state.status;
  const total = known ? Math.max(live.total, live.read) : state.done + state.held;
  return {total, bad, passed, done: doneNow(), held: state.held,
          running: live.running || 0, more: known && !live.input_ended && !live.total};
}

const KINDS = [["passed", "k-ok", "passed"], ["bad", "k-bad", "failed"],
               ["held", "k-held", "held"], ["running", "k-run", "running"]];

function showProgress() {
  const n = numbers(), total = Math.max(n.total, 1);
  say("done", count(n.done));
  say("of", n.total > n.done || state.live ? `of ${count(n.total)}${n.more ? " read so far" : ""} done` : "tasks done");
  say("percent", n.total ? `${Math.floor(1000 * n.done / total) / 10} %` : "");
  if (!$("bar").childElementCount)
    $("bar").append(...KINDS.map(([, look]) => make("span", {class: look})));
  KINDS.forEach(([key], i) => { $("bar").children[i].style.width = `${100 * n[key] / total}%`; });
  const words = KINDS.filter(([key]) => n[key] > 0);
  $("bar").setAttribute("aria-label", words.map(([key, , word]) => `${n[key]} ${word}`).join(", ") || "nothing yet");
  fill("legend", words.map(([key]) => n[key]), () => words.map(([key, look, word]) =>
    make("li", {}, make("i", {class: look}), make("b", {}, count(n[key])), ` ${word}`)));
  showFigures(n);
}

function showFigures(n) {
  const live = state.status, rows = [];
  const span = state.curve.origin_us ? (state.curve.last_us - state.curve.origin_us) / 1e6 : 0;
  if (state.live && live) {
    rows.push(["rate", rate && rate.value !== null ? speed(rate.value) : "–"]);
    const left = n.total - n.done - n.held;
    rows.push(["left", rate && rate.value > 0 && left > 0 && !n.more ? time(Math.ceil(left / rate.value)) : "–"]);
    rows.push(["running for", time(Math.round(live.elapsed_s))]);
    rows.push(["workers", `${live.workers} · ${live.slots} slots`]);
    rows.push(["waiting", count(live.queued + live.waiting)]);
  } else {
    rows.push(["from first to last", time(span)]);
    if (span > 0) rows.push(["mean rate", speed(n.done / span)]);
  }
  rows.push(["time of tasks", time(state.busy_s)]);
  if (live && live.retries) rows.push(["tried again", count(live.retries)]);
  if (live && live.losses) rows.push(["lost with a worker", count(live.losses)]);
  fill("figures", rows, () => rows.map(([name, value]) =>
    make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

function showHead() {
  const unsure = lost && state.live;
  const look = unsure ? "bad" : state.live ? "live" : state.state === "complete" ? "well" : "bad";
  say("name", state.name || state.dir.split("/").pop());
  say("dir", state.dir);
  say("state", unsure ? "no connection" : state.state);
  $("state").className = `pill ${look}`;
  say("version", `fan ${state.version}`);
  const n = numbers();
  const share = n.total ? `${Math.floor(100 * n.done / n.total)} % · ` : "";
  document.title = `${state.live ? share : ""}${state.name || "fan"}`;
  const told = [];
  if (state.share_read < 1) told.push(`Reading the log: ${Math.floor(100 * state.share_read)} %.`);
  const live = state.status;
  if (live && live.slots === 0 && state.live) told.push("No worker can run a task yet.");
  for (const one of live && live.unfit || []) told.push(`${one.host} does not fit: ${one.why}.`);
  for (const one of live && live.held_back || []) told.push(`${one.host} starts nothing: ${one.why}.`);
  if (state.state === "stopped") told.push(`It stopped before its end. Go on with it: ${state.go_on}`);
  if (state.state === "damaged") told.push(`Its log is damaged; more tells fan verify ${state.typed_dir}`);
  if (lost) told.push(`The page's program has ended${state.live ? ", perhaps with its run" : ""}; this is what was known last. It comes back by: fan page ${state.typed_dir}`);
  $("notice").hidden = told.length === 0;
  say("notice", told.join(" "));
}

// -- Charts -------------------------------------------------------------------

const MARGIN = {left: 44, right: 8, top: 12, bottom: 20};

function frame(id) {
  const svg = $(id), box = svg.getBoundingClientRect();
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
  return {svg, width: box.width - MARGIN.left - MARGIN.right,
          height: box.height - MARGIN.top - MARGIN.bottom};
}

function showCurve() {
  const {ok, bad, width_us} = state.curve;
  const {svg, width, height} = frame("curve");
  if (ok.length === 0 || width <= 0) {
    say("curve-say", "nothing is done yet");
    return;
  }
  const each = Math.ceil(ok.length / 96), parts = [];
  for (let i = 0; i < ok.length; i += each) {
    const most = Math.min(each, ok.length - i), s = most * width_us / 1e6;
    let good = 0, failed = 0;
    for (let j = i; j < i + most; j++) { good += ok[j]; failed += bad[j]; }
    parts.push({rate: (good + failed) / s, bad: failed / s});
  }
  const top = Math.max(...parts.map(part => part.rate), 1e-9);
  const x = i => MARGIN.left + i / parts.length * width;
  const y = value => MARGIN.top + height * (1 - value / top);
  const foot = MARGIN.top + height;
  svg.append(draw("line", {class: "grid", x1: MARGIN.left, x2: MARGIN.left + width, y1: foot, y2: foot}),
             draw("line", {class: "grid", x1: MARGIN.left, x2: MARGIN.left + width, y1: MARGIN.top, y2: MARGIN.top}),
             draw("text", {x: MARGIN.left - 6, y: MARGIN.top + 4, "text-anchor": "end"}, speed(top)),
             draw("text", {x: MARGIN.left - 6, y: foot, "text-anchor": "end"}, "0"));
  let path = "";
  parts.forEach((part, i) => { path += `${i ? "L" : "M"}${x(i)} ${y(part.rate)}L${x(i + 1)} ${y(part.rate)}`; });
  svg.append(draw("path", {class: "area", d: `${path}L${x(parts.length)} ${foot}L${MARGIN.left} ${foot}Z`}),
             draw("path", {class: "edge", d: path}));
  parts.forEach((part, i) => {
    if (part.bad > 0)
      svg.append(draw("rect", {class: "bad", x: x(i), width: Math.max(1, width / parts.length - 1),
                               y: Math.min(y(part.bad), foot - 2), height: Math.max(2, foot - y(part.bad))}));
  });
  const span = ok.length * width_us / 1e6;
  for (const part of [0.25, 0.5, 0.75, 1])
    svg.append(draw("text", {x: MARGIN.left + part * width, y: foot + 15,
                             "text-anchor": part === 1 ? "end" : "middle"}, time(span * part)));
  say("curve-say", state.counts.failed ? "tasks done; orange: failed" : "tasks done");
}

const STEPS = [1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8];

function showTimes() {
  const bins = state.times, {svg, width, height} = frame("times");
  if (bins.length === 0 || width <= 0) return;
  const first = bins[0].bin, last = bins[bins.length - 1].bin;
  const most = Math.max(...bins.map(bin => bin.count));
  const step = width / (last - first + 1), foot = MARGIN.top + height;
  for (const bin of bins) {
    const high = bin.count / most * height, x = MARGIN.left + (bin.bin - first) * step;
    const column = draw("rect", {class: "col", x, y: foot - Math.max(high, 1.5), rx: 2,
                                 width: Math.max(1, step - 3), height: Math.max(high, 1.5)});
    column.append(draw("title", {}, `${count(bin.count)} took up to ${time(bin.to_s)}`));
    svg.append(column);
    if (step > 30)
      svg.append(draw("text", {x: x + step / 2, y: foot - high - 3, "text-anchor": "middle"}, count(bin.count)));
  }
  // Of ten to a decade those are named that there is room for.
  const named = step > 50 ? [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] : last - first > 25 ? [0] : [0, 3, 7];
  for (let bin = first; bin <= last; bin++)
    if (named.includes(bin % 10))
      svg.append(draw("text", {x: MARGIN.left + (bin - first + 1) * step - 1, y: foot + 15,
                               "text-anchor": bin === last ? "end" : "middle"},
                      time(STEPS[bin % 10] * 10 ** (Math.floor(bin / 10) - 5))));
  const attempts = bins.reduce((sum, bin) => sum + bin.count, 0);
  say("times-say", `${count(attempts)} attempts, ${time(state.busy_s / attempts)} in the mean`);
}

// -- The timeline -------------------------------------------------------------

const FONT = "11px system-ui, sans-serif";

function labelWidth(canvas, rows, width) {
  const pen = canvas.getContext("2d");
  pen.font = FONT;
  const most = Math.max(0, ...rows.map(({row}) => pen.measureText(`${row.host} ${row.slot}`).width));
  return Math.min(Math.ceil(most) + 10, width / 3);
}

function order() {
  return line.rows.map((row, at) => ({row, at})).sort((a, b) =>
    a.row.host < b.row.host ? -1 : a.row.host > b.row.host ? 1 :
    a.row.worker < b.row.worker ? -1 : a.row.worker > b.row.worker ? 1 : a.row.slot - b.row.slot);
}

// The part of time that is shown, in us from the origin.
function section() {
  const end = line.last_us - line.origin_us;
  const live = state.live ? Math.max(0, state.now_us - line.origin_us) : 0;
  const to = Math.max(end, Math.min(live, end * 4 + 60e6), 1);
  if (mode === "whole" || line.bars.length === 0) return {from: 0, to};
  return {from: Math.max(0, Math.min(...line.bars.slice(-400).map(bar => bar[1]))), to};
}

function showLine() {
  if (!line || !state) return;
  const canvas = $("line"), box = $("line-box").clientWidth;
  const rows = order(), high = rows.length > 40 ? 6 : rows.length > 12 ? 12 : 18;
  const width = Math.max(box, 300), height = rows.length * high + 20;
  const scale = window.devicePixelRatio || 1, label = high >= 12 ? labelWidth(canvas, rows, width) : 0;
  canvas.width = width * scale;
  canvas.height = height * scale;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d"), look = getComputedStyle(document.documentElement);
  const colour = name => look.getPropertyValue(`--${name}`).trim();
  const part = section(), room = width - label;
  const each = line.bar_count <= line.bars.length || mode === "latest";
  const x = us => label + (us - part.from) / (part.to - part.from) * room;
  const place = [];
  pen.scale(scale, scale);
  pen.font = FONT;
  rows.forEach(({row, at}, i) => {
    place[at] = i;
    pen.fillStyle = colour("empty");
    pen.fillRect(label, i * high, room, high - 2);
    if (label) {
      pen.fillStyle = colour("soft");
      pen.fillText(`${row.host} ${row.slot}`, 0, i * high + high - 5, label - 8);
    }
    if (!each) drawColumns(pen, row, i * high, high - 2, x, colour);
  });
  const hits = [];
  pen.save();
  pen.beginPath();
  pen.rect(label, 0, room, height);
  pen.clip();
  if (each)
    for (const bar of line.bars) drawBar(pen, bar, place[bar[0]] * high, high - 2, x, colour, hits);
  drawRunning(pen, rows, high, x, colour, hits);
  pen.restore();
  pen.fillStyle = colour("soft");
  for (const share of [0, 0.5, 1]) {
    pen.textAlign = share === 0 ? "left" : share === 1 ? "right" : "center";
    pen.fillText(time((part.from + share * (part.to - part.from)) / 1e6), label + share * room, height - 5);
  }
  canvas.hits = hits;
  const said = each ? "A bar for each attempt; press one to read it." : "A row for each slot, darker where it was busier.";
  say("line-say", rows.length === 0 ? "Nothing has run yet." :
    `${said} Orange with a notch: it failed.${line.rowless ? ` ${count(line.rowless)} attempts of further slots are left out.` : ""}`);
  canvas.hidden = rows.length === 0;
}

function drawBar(pen, bar, y, high, x, colour, hits) {
  const [, start, wall, task, failed] = bar;
  const from = x(start), wide = Math.max(x(start + wall) - from - 0.5, 1);
  if (from + wide < 0) return;
  pen.fillStyle = colour(failed ? "bad" : "ok");
  pen.fillRect(from, y, wide, high);
  if (failed && high > 8 && wide > 4) {
    pen.fillStyle = colour("card");
    pen.beginPath();
    pen.moveTo(from + wide - 4, y);
    pen.lineTo(from + wide, y);
    pen.lineTo(from + wide, y + 4);
    pen.fill();
  }
  hits.push({from, to: from + Math.max(wide, 4), y, bottom: y + high, task,
             text: `task ${task}, ${time(wall / 1e6)}${failed ? `, ${failed}` : ""}`});
}

function drawColumns(pen, row, y, high, x, colour) {
  for (let i = 0; i < row.columns.length; i++) {
    const letter = row.columns.charCodeAt(i), failed = letter >= 97;
    const level = failed ? letter - 97 : letter - 48;
    if (level === 0 && !failed) continue;
    const from = x(i * line.width_us), to = x((i + 1) * line.width_us);
    pen.globalAlpha = failed ? 1 : 0.15 + level / 9 * 0.85;
    pen.fillStyle = colour(failed ? "bad" : "ok");
    pen.fillRect(from, y, Math.max(to - from, 0.7), high);
  }
  pen.globalAlpha = 1;
}

// What runs now is known of the longest only.
function drawRunning(pen, rows, high, x, colour, hits) {
  for (const task of state.live && state.status && state.status.longest || []) {
    const i = rows.findIndex(({row}) => row.host === task.host && row.slot === task.slot);
    if (i < 0) continue;
    const to = state.now_us - line.origin_us, start = to - task.wall_s * 1e6;
    const from = x(start), wide = Math.max(x(to) - from, 2);
    pen.fillStyle = colour("run");
    pen.fillRect(from, i * high, wide, high - 2);
    hits.push({from, to: from + wide, y: i * high, bottom: i * high + high - 2,
               text: `task ${task.task} is running, for ${time(task.wall_s)}${task.text ? `: ${task.text}` : ""}`});
  }
}

function hit(event) {
  const box = $("line").getBoundingClientRect();
  const x = event.clientX - box.left, y = event.clientY - box.top;
  return ($("line").hits || []).findLast(one =>
    x >= one.from && x <= one.to && y >= one.y && y <= one.bottom);
}

function point(event) {
  const found = hit(event), tip = $("tip"), card = tip.parentElement.getBoundingClientRect();
  tip.hidden = !found;
  if (!found) return;
  tip.textContent = found.text;
  tip.style.left = `${Math.min(event.clientX - card.left + 12, card.width - 190)}px`;
  tip.style.top = `${event.clientY - card.top + 16}px`;
}

let asking = false;
async function fetchLine() {
  if (asking || document.hidden) return;
  asking = true;
  try {
    const same = line && line.run_id === state.run_id;
    const after = same ? line.bar_count : 0;
    const fresh = await (await fetch(`timeline?after=${after}`)).json();
    if (same) fresh.bars = line.bars.concat(fresh.bars).slice(-3000);
    fresh.run_id = state.run_id;
    if (same && fresh.origin_us !== line.origin_us) fresh.bars = [];
    line = fresh;
    showLine();
  } catch { /* the next one tells */ }
  asking = false;
}

// -- Failures, held tasks -----------------------------------------------------

function chips(tasks) {
  return make("div", {class: "chips"}, ...tasks.map(task =>
    make("button", {type: "button", "aria-label": `show task ${task}`, onclick: () => showTask(task)}, String(task))));
}

function showFailures() {
  const groups = [...state.failures].sort((a, b) => b.attempts - a.attempts);
  $("failures-none").hidden = groups.length > 0;
  fill("failures", groups, () => groups.map(group => {
    const ends = group.tasks === 0 ? "attempts, no task's last so far" :
      group.tasks === group.attempts ? (group.tasks === 1 ? "task" : "tasks") : `attempts, of which ${count(group.tasks)} were a task's last`;
    return make("li", {}, make("span", {class: "count"}, count(group.attempts)),
      make("div", {class: "what"},
        make("p", {}, make("span", {class: "badge"}, group.why), " ", make("span", {class: "soft"}, ends)),
        make("code", {}, group.line || "(nothing on stderr)"),
        chips([...new Set(group.last)].slice(0, 12))));
  }));
}

const ANSWERS = [["retry", "Try again", "is tried again, with all retries"],
                 ["ignore", "Ignore", "stays failed, and counts as no failure of the run"],
                 ["drop", "Drop", "is not wanted any more"]];

function showHeld() {
  const groups = state.held_groups, past = state.decisions;
  $("held-card").hidden = groups.length === 0 && past.length === 0;
  say("held-title", groups.length ? `${count(state.held)} ${state.held === 1 ? "task waits" : "tasks wait"} for you` : "Decided");
  say("held-hint", !groups.length ? "" : TOKEN ? "They failed, and are held until somebody decides." :
    "To decide here, open the link that fan printed; or use fan decide.");
  fill("held", [groups, past, !!TOKEN], () => groups.map(group =>
    make("li", {}, make("span", {class: "count"}, count(group.count)),
      make("div", {class: "what"},
        make("p", {}, make("span", {class: "badge"}, group.why), " ",
          make("span", {class: "soft"}, `${group.group}, on ${group.hosts.join(", ")}${group.more_hosts ? " and others" : ""}`)),
        make("code", {}, group.line || "(nothing on stderr)"),
        chips([group.example])),
      make("div", {class: "row"}, ...ANSWERS.map(([answer, word, what]) =>
        make("button", {type: "button", class: answer === "retry" ? "main" : "", ...(TOKEN ? {} : {disabled: ""}),
                        "data-group": group.group, "data-answer": answer,
                        "aria-label": `${word}: group ${group.group}, ${group.count} tasks`,
                        onclick: () => askFirst(group, answer, word, what)}, word)))))
    .concat(past.slice(0, 5).map(one => make("li", {class: "soft"},
      `${one.user} decided about ${count(one.count)} of ${one.group}: ${one.decision}${one.note ? ` (${one.note})` : ""}`))));
}

function askFirst(group, answer, word, what) {
  const tasks = group.count === 1 ? `Task ${group.example}` : `Each of ${count(group.count)} tasks`;
  say("ask-title", `${word}: ${group.group}`);
  say("ask-say", `${tasks} that failed with ${group.why} ${what}.`);
  say("ask-yes", word);
  $("note").value = "";
  $("ask-yes").onclick = () => { $("ask").close(); decide(group.group, answer, $("note").value); };
  $("ask").showModal();
}

async function decide(group, answer, note) {
  $("said").hidden = false;
  say("said", "storing the decision ...");
  try {
    const reply = await fetch("decide", {method: "POST", headers: {"X-Fan-Token": TOKEN, "Content-Type": "application/json"},
                                         body: JSON.stringify({group, answer, note})});
    const text = await reply.text();
    say("said", (reply.headers.get("Content-Type") || "").includes("json") ? JSON.parse(text).said.trim() : text.trim());
  } catch {
    say("said", "The page cannot be reached: nothing is known of the decision. fan held tells.");
  }
}

// -- Tasks --------------------------------------------------------------------

function row(task, status, look, s, where, values) {
  return make("tr", {}, make("td", {class: "n"}, make("button", {type: "button", "aria-label": `show task ${task}`,
                                                                  onclick: () => showTask(task)}, String(task))),
    make("td", {}, make("span", {class: `st ${look}`}, status)), make("td", {class: "n"}, s > 0 ? time(s) : ""),
    make("td", {}, where), make("td", {}, values));
}

function showRows() {
  const longest = state.live && state.status && state.status.longest || [];
  const tasks = tab === "running" ? longest : state[tab];
  if (document.activeElement && $("rows").contains(document.activeElement) && tab === "recent") return;
  fill("rows", [tab, tasks], () => tasks.length === 0 ? [make("tr", {}, make("td", {colspan: 5, class: "soft"}, "none"))] :
    tasks.map(one => tab === "running" ?
      row(one.task, "running", "open", one.wall_s, `${one.host} ${one.slot}`, one.text || "") :
      row(one.task, one.status === "ok" ? "ok" : `${one.status}${one.why ? `, ${one.why}` : ""}`,
          one.status === "ok" ? "" : "bad", one.wall_s, one.host ? `${one.host} ${one.slot}` : "", one.values)));
}

function valuesOf(record) {
  if (record.args_base64) return "(not text)";
  return Array.isArray(record.args) ? record.args.join(" ") :
    record.args ? Object.entries(record.args).map(([name, value]) => `${name}=${value}`).join(" ") : "";
}

function textOf(record, name) {
  if (record[`${name}_base64`] === undefined) return record[name] || "";
  const bytes = Uint8Array.from(atob(record[`${name}_base64`]), one => one.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

function output(task, nth, one, name) {
  const text = textOf(one.record, name);
  if (!text) return [];
  const whole = make("a", {href: `output?task=${task}&record=${nth}&of=${name}`, target: "_blank", rel: "noopener"},
                     `all ${count(one[`${name}_bytes`])} bytes`);
  return [make("h4", {}, name === "stdout" ? "standard output" : "standard error",
               ...(one[`${name}_cut`] ? [" (its end; ", whole, ")"] : [" (", whole, ")"])),
          make("pre", {}, text)];
}

function recordView(task, one, nth) {
  const record = one.record, facts = [];
  const add = (name, value) => { if (value !== undefined && value !== "") facts.push(make("dt", {}, name), make("dd", {}, String(value))); };
  const why = record.class === "exit" ? `exit ${record.exit}` : record.class === "signal" ? `signal ${record.signal}` : record.class;
  const status = record.status || record.event;
  add("values", valuesOf(record));
  add("where", record.host ? `${record.host}, slot ${record.slot || 0}` : "");
  add("began", record.start);
  add("took", record.wall_s === undefined ? "" : time(record.wall_s));
  add("CPU", record.user_s === undefined && record.sys_s === undefined ? "" : `${time(record.user_s || 0)} user, ${time(record.sys_s || 0)} system`);
  add("memory", record.maxrss_bytes ? `${count(record.maxrss_bytes / 1048576)} MiB` : "");
  add("decided by", record.user);
  add("note", record.note);
  return make("article", {class: "record"},
    make("p", {}, make("span", {class: `st ${status === "ok" ? "" : "bad"}`}, `${status}${why ? `, ${why}` : ""}`),
      make("span", {class: "soft"}, ` · attempt ${record.attempt || 1}${record.final ? "" : " · not the last word"}`)),
    make("dl", {}, ...facts), ...output(task, nth, one, "stdout"), ...output(task, nth, one, "stderr"));
}

async function showTask(task) {
  say("task-title", `Task ${task}`);
  $("records").replaceChildren(make("p", {class: "soft"}, "reading ..."));
  if (!$("task").open) $("task").showModal();
  try {
    const reply = await fetch(`task?task=${encodeURIComponent(task)}`);
    if (!reply.ok) throw new Error((await reply.text()).trim());
    const records = (await reply.json()).records;
    $("records").replaceChildren(...records.map((one, i) => recordView(task, one, i + 1)).reverse());
  } catch (error) {
    const runs = state && state.live ? "; it may be waiting or running" : "";
    $("records").replaceChildren(make("p", {}, `${error.message}${runs}`));
  }
}

// -- The whole ----------------------------------------------------------------

function show() {
  measure();
  showHead();
  showProgress();
  showHeld();
  showFailures();
  showRows();
  showCurve();
  showTimes();
  showLine();
}

function press(ids, id) {
  for (const one of ids) $(one).setAttribute("aria-pressed", one === id);
}

async function fetchPlan() {
  try {
    const plan = await (await fetch("plan")).json();
    say("arguments", plan.arguments.join(" "));
    say("plan", plan.plan);
  } catch { /* is not much missed */ }
}

function take(text) {
  const before = state;
  lost = false;
  state = JSON.parse(text);
  if (!before || before.run_id !== state.run_id) {
    line = rate = null;
    shown = {};
    fetchPlan();
  }
  show();
  if (!line || line.bar_count !== state.attempts) fetchLine();
}

function listen() {
  const events = new EventSource("events");
  events.onmessage = event => take(event.data);
  events.onerror = () => {
    lost = true;
    if (state) {
      showHead();
      return;
    }
    $("state").className = "pill bad";
    say("state", "no connection");
  };
}

for (const id of ["recent", "slowest", "running"])
  $(id).onclick = () => { tab = id; press(["recent", "slowest", "running"], id); if (state) showRows(); };
for (const id of ["whole", "latest"])
  $(id).onclick = () => { mode = id; press(["whole", "latest"], id); showLine(); };
$("find").onsubmit = event => {
  event.preventDefault();
  if (/^[0-9]+$/.test($("number").value)) showTask($("number").value);
};
$("line").onpointermove = point;
$("line").onpointerleave = () => { $("tip").hidden = true; };
$("line").onclick = event => { const found = hit(event); if (found && found.task) showTask(found.task); };
$("ask-no").onclick = () => $("ask").close();
$("note").onkeydown = event => { if (event.key === "Enter") $("ask-yes").click(); };
addEventListener("resize", () => { if (state) show(); });
matchMedia("(prefers-color-scheme: dark)").onchange = () => { if (state) show(); };
document.onvisibilitychange = () => { if (!document.hidden && state) show(); };
listen();
