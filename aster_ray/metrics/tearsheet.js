// Reading aid of a report page: read-outs under the pointer, one window of time for all charts,
// a linear or logarithmic scale. The page is whole without it; it loads and sends nothing.
"use strict";
(() => {
  const source = document.getElementById("data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const W = 1000, H = 300, MINUTE = 60000, DAY = 86400000;
  const TRIP_PX = 9, CANDLE_PX = 6, NOTHING = "\u2013";
  const make = (tag, text, attributes = {}) => {
    const node = document.createElement(tag);
    node.textContent = text;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const pad = (value) => String(value).padStart(2, "0");
  const stamp = (ms) => {
    const at = new Date(ms);
    return `${at.getUTCFullYear()}-${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())} ` +
      `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}`;
  };
  const fixed = (value, digits) => value.toLocaleString("en-US",
    { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const price = (value) => value.toLocaleString("en-US", { maximumSignificantDigits: 6 });
  const cash = (value) => `${value < 0 ? "" : "+"}${fixed(value, 2)} ${data.quote}`;
  const written = (value, unit, quote = data.quote) => {
    if (value === null) return NOTHING;
    if (unit === "percent") return `${fixed(value * 100, 2)} %`;
    if (unit === "times") return `${fixed(value, 2)} x equity`;
    if (unit === "growth") return `${fixed(value, 3)} x start`;
    return unit === "cash" && quote ? `${fixed(value, 2)} ${quote}` : fixed(value, 2);
  };

  // Scales -----------------------------------------------------------------------------------
  const ticks = (low, high, count = 4) => {
    if (!(high > low)) return [low];
    const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= raw);
    const found = [];
    for (let n = Math.ceil(low / step); n <= Math.floor(high / step + 1e-9); n++) found.push(n * step);
    return found;
  };
  const logTicks = (low, high) => {
    const found = [];
    for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++)
      for (const f of [1, 2, 5]) {
        const value = f * 10 ** p;
        if (value >= low && value <= high) found.push(value);
      }
    return found.length > 1 ? found : ticks(low, high);
  };
  const tickText = (values, unit) => {
    const scale = unit === "percent" ? 100 : 1;
    const step = values.length > 1 ? (values[1] - values[0]) * scale : Math.abs(values[0] * scale) || 1;
    let digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    if (Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) > 1e-6) digits++;
    return (value) => fixed(value * scale, digits) + (unit === "percent" ? "%" : "");
  };
  // First index whose time is at or after ms.
  const lower = (times, ms) => {
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < ms) low = middle + 1; else high = middle;
    }
    return low;
  };
  const nearest = (times, ms) => {
    const at = clamp(lower(times, ms), 0, times.length - 1);
    return at > 0 && ms - times[at - 1] < times[at] - ms ? at - 1 : at;
  };

  // Data ---------------------------------------------------------------------------------------
  for (const table of Object.values(data.tables)) table.ms = table.ms.map((m) => data.start + m * MINUTE);
  const whole = [data.tables.curve.ms[0], data.tables.curve.ms[data.tables.curve.ms.length - 1]];
  let view = whole.slice();
  const unpack = (packed) => {
    const ms = [], bars = [], skips = new Map(packed.skips);
    let at = packed.start, close = 0;
    for (let n = 0; n < packed.bars.length / 4; n++) {
      const [gap, body, up, down] = packed.bars.slice(4 * n, 4 * n + 4);
      const open = close + gap;
      close = open + body;
      at += n ? packed.step * (1 + (skips.get(n) || 0)) : 0;
      ms.push(at);
      bars.push([open, Math.max(open, close) + up, Math.min(open, close) - down, close]
        .map((value) => value * packed.unit));
    }
    const trips = packed.trips.map(([side, from, entry, to, exit, net, gain, reason]) =>
      ({ side, from: packed.start + from * MINUTE, entry, to: packed.start + to * MINUTE, exit, net, gain, reason }));
    return { ms, bars, trips, step: packed.step };
  };
  // The fewest candles that fit the width, from the finest ones the page carries.
  const visible = (series, width) => {
    const begin = Math.max(0, lower(series.ms, view[0] - series.step + 1));
    const end = lower(series.ms, view[1]);
    const most = Math.max(20, Math.floor(width / CANDLE_PX));
    const merge = Math.max(1, Math.ceil((view[1] - view[0]) / series.step / most));
    const step = series.step * merge, found = [];
    for (let n = begin; n < end; n++) {
      const ms = Math.floor(series.ms[n] / step) * step, bar = series.bars[n];
      const last = found[found.length - 1];
      if (last && last.ms === ms) {
        last.high = Math.max(last.high, bar[1]);
        last.low = Math.min(last.low, bar[2]);
        last.close = bar[3];
      } else found.push({ ms, open: bar[0], high: bar[1], low: bar[2], close: bar[3] });
    }
    return { found, step };
  };

  // Drawing ------------------------------------------------------------------------------------
  const labels = (plot, marks, text) => {
    for (const old of plot.querySelectorAll("span")) old.remove();
    for (const [y, value] of marks) {
      const node = make("span", text(value), { class: "y" });
      node.style.top = `${y * 100}%`;
      plot.append(node);
    }
    const short = view[1] - view[0] <= 4 * DAY;
    for (let n = 0; n < 4; n++) {
      const part = (2 * n + 1) / 8, at = stamp(view[0] + part * (view[1] - view[0]));
      const node = make("span", short ? at.slice(5) : at.slice(0, 10), { class: n % 2 ? "x spare" : "x" });
      node.style.left = `${part * 100}%`;
      plot.append(node);
    }
  };
  const gridOf = (marks) => marks.map(([y]) =>
    `<line class="grid" x1="0" x2="${W}" y1="${y * H}" y2="${y * H}"/>`).join("");
  const toX = (ms) => (ms - view[0]) / (view[1] - view[0]) * W;

  const drawLines = (chart) => {
    const table = data.tables[chart.table], times = table.ms;
    const begin = Math.max(0, lower(times, view[0]) - 1);
    const end = Math.min(times.length, lower(times, view[1]) + 1);
    let low = Infinity, high = -Infinity;
    for (const [key, , , , under] of chart.traces)
      for (const column of under ? [key, under] : [key])
        for (let n = begin; n < end; n++) {
          const value = table[column][n];
          if (value === null) continue;
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
    if (!(high >= low)) [low, high] = [0, 1];
    if (!(high > low)) [low, high] = [low - Math.max(Math.abs(low), 1) * 0.01, high + Math.max(Math.abs(high), 1) * 0.01];
    const isLog = chart.figure.classList.contains("log") && low > 0;
    const [a, b] = isLog ? [Math.log(low), Math.log(high)] : [low, high];
    const part = (value) => (b - (isLog ? Math.log(value) : value)) / (b - a);
    const values = isLog ? logTicks(low, high) : ticks(low, high);
    const marks = values.map((value) => [part(value), value]);
    const base = part(clamp(0, low, high)) * H;
    let shapes = gridOf(marks);
    const point = (n, value) => `${toX(times[n]).toFixed(1)},${(part(value) * H).toFixed(1)}`;
    for (const [key, style, , filled, under] of chart.traces) {
      if (under) {
        const upper = [], below = [];
        for (let n = begin; n < end; n++) {
          upper.push(point(n, table[key][n]));
          below.unshift(point(n, table[under][n]));
        }
        shapes += `<polygon class="area ${style}" points="${upper.concat(below).join(" ")}"/>`;
        continue;
      }
      let run = [];
      const flush = () => {
        if (run.length && filled)
          shapes += `<polygon class="area ${style}" points="${run[0].split(",")[0]},${base} ${run.join(" ")} ${run[run.length - 1].split(",")[0]},${base}"/>`;
        if (run.length) shapes += `<polyline class="line ${style}" points="${run.join(" ")}"/>`;
        run = [];
      };
      for (let n = begin; n < end; n++)
        if (table[key][n] === null) flush(); else run.push(point(n, table[key][n]));
      flush();
    }
    chart.plot.querySelector("svg").innerHTML = `<g>${shapes}</g>`;
    labels(chart.plot, marks, tickText(values, chart.unit));
  };

  const drawCandles = (chart) => {
    const width = chart.plot.clientWidth;
    if (!width) return; // its symbol is not chosen
    chart.series ||= unpack(data.candles[chart.symbol]);
    const { found, step } = visible(chart.series, width);
    chart.shown = { found, step };
    const inside = chart.series.trips.filter((trip) => trip.to >= view[0] && trip.from <= view[1])
      .sort((one, other) => Math.abs(other.net) - Math.abs(one.net));
    const trips = inside.slice(0, Math.floor(width / TRIP_PX));
    let low = Infinity, high = -Infinity;
    for (const bar of found) [low, high] = [Math.min(low, bar.low), Math.max(high, bar.high)];
    for (const trip of trips) {
      if (trip.from >= view[0]) [low, high] = [Math.min(low, trip.entry), Math.max(high, trip.entry)];
      if (trip.to <= view[1]) [low, high] = [Math.min(low, trip.exit), Math.max(high, trip.exit)];
    }
    if (!(high >= low)) [low, high] = [0, 1];
    const room = 0.03 * (high - low || Math.max(high, 1e-9));
    [low, high] = [low - room, high + room];
    const part = (value) => (high - value) / (high - low);
    const values = ticks(low, high, 5), marks = values.map((value) => [part(value), value]);
    const paths = { gain: ["", ""], loss: ["", ""] }, wide = step / (view[1] - view[0]) * W;
    for (const bar of found) {
      const x = toX(bar.ms), y = (value) => (part(value) * H).toFixed(1);
      const path = paths[bar.close >= bar.open ? "gain" : "loss"];
      path[0] += `M${(x + wide / 2).toFixed(1)} ${y(bar.high)}V${y(bar.low)}`;
      path[1] += `M${(x + wide * 0.15).toFixed(1)} ${y(bar.open)}H${(x + wide * 0.85).toFixed(1)}V${y(bar.close)}H${(x + wide * 0.15).toFixed(1)}Z`;
    }
    let shapes = gridOf(marks), uses = "";
    for (const [style, [wick, body]] of Object.entries(paths))
      shapes += `<path class="wick ${style}" d="${wick}"/><path class="body ${style}" d="${body}"/>`;
    const use = (shape, ms, value) => {
      if (ms >= view[0] && ms <= view[1])
        uses += `<use class="${shape}" href="#${shape}" x="${toX(ms) / W * 100}%" y="${part(value) * 100}%"/>`;
    };
    for (const trip of trips) {
      shapes += `<path class="trip ${trip.net > 0 ? "gain" : "loss"}" d="M${toX(trip.from)} ${part(trip.entry) * H}L${toX(trip.to)} ${part(trip.exit) * H}"/>`;
      use(trip.side > 0 ? "enter-long" : "enter-short", trip.from, trip.entry);
      if (trip.reason) use("leave", trip.to, trip.exit);
    }
    chart.plot.querySelector("svg").innerHTML =
      `<svg viewBox="0 0 ${W} ${H}" preserveAspectRatio="none" width="100%" height="100%">${shapes}</svg>${uses}`;
    labels(chart.plot, marks, tickText(values, "ratio"));
    const left = inside.length - trips.length;
    chart.note.textContent = left ? `${trips.length} of ${inside.length} round trips drawn, those with the largest results; zoom in for the others.` : "";
  };

  // Read-outs ------------------------------------------------------------------------------------
  const readLines = (chart, ms) => {
    const table = data.tables[chart.table], at = nearest(table.ms, ms);
    for (const [key, , name, , under] of chart.traces) {
      const node = name && chart.figure.querySelector(`[data-key="${key}"]`);
      if (!node) continue;
      const value = written(table[key][at], chart.unit);
      node.textContent = under ? `${written(table[under][at], chart.unit, "")} to ${value}` : value;
    }
    chart.figure.querySelector(".when").textContent = `${stamp(table.ms[at])} UTC`;
    return table.ms[at];
  };
  const readCandles = (chart, ms) => {
    if (!chart.shown || !chart.shown.found.length) return ms;
    const { found, step } = chart.shown;
    const at = clamp(lower(found.map((bar) => bar.ms), ms + 1) - 1, 0, found.length - 1), bar = found[at];
    const begin = bar.ms, end = bar.ms + step;
    const told = [];
    for (const trip of chart.series.trips) {
      const side = trip.side > 0 ? "long" : "short";
      if (trip.from >= begin && trip.from < end) told.push(`${side} entered at ${price(trip.entry)}`);
      if (trip.reason && trip.to > begin && trip.to <= end)
        told.push(`${side} left at ${price(trip.exit)}, ${trip.reason.replaceAll("_", " ")}, ${cash(trip.net)} (${fixed(trip.gain * 100, 2)} %)`);
    }
    const more = told.length > 3 ? [...told.slice(0, 3), `and ${told.length - 3} more`] : told;
    chart.read.textContent = `${stamp(bar.ms)} UTC, candle of ${lasting(step)}: open ${price(bar.open)}, ` +
      `high ${price(bar.high)}, low ${price(bar.low)}, close ${price(bar.close)} ${data.quote}` +
      (more.length ? ` | ${more.join(" | ")}` : "");
    return bar.ms + step / 2;
  };
  const lasting = (ms) => ms % DAY === 0 ? `${ms / DAY} d` : ms % (60 * MINUTE) === 0 ? `${ms / 60 / MINUTE} h` : `${ms / MINUTE} min`;

  // One window for all ------------------------------------------------------------------------------
  const all = [];
  for (const chart of data.charts) {
    const figure = document.getElementById(chart.id);
    if (figure) all.push({ ...chart, figure, plot: figure.querySelector(".plot"), draw: drawLines, say: readLines });
  }
  for (const figure of document.querySelectorAll("figure[data-symbol]")) {
    all.push({
      symbol: figure.dataset.symbol, figure, plot: figure.querySelector(".plot"), draw: drawCandles,
      say: readCandles, read: figure.querySelector(".read"), note: figure.querySelector(".note"),
    });
  }
  let moved = false, here = null;
  const redraw = () => {
    for (const chart of all) if (moved || chart.symbol) chart.draw(chart);
    point(here);
    for (const node of document.querySelectorAll(".window")) node.textContent =
      view[0] === whole[0] && view[1] === whole[1] ? "whole period" : `${stamp(view[0]).slice(0, 10)} to ${stamp(view[1]).slice(0, 10)}`;
  };
  const show = (from, to) => {
    const least = Math.min(30 * MINUTE, whole[1] - whole[0]);
    const span = clamp(to - from, least, whole[1] - whole[0]);
    const begin = clamp(from, whole[0], whole[1] - span);
    view = [begin, begin + span];
    moved = true;
    redraw();
  };
  const zoom = (factor, centre = (view[0] + view[1]) / 2) =>
    show(centre - (centre - view[0]) * factor, centre + (view[1] - centre) * factor);
  const pan = (part) => { const span = view[1] - view[0]; show(view[0] + part * span, view[1] + part * span); };
  const point = (ms) => {
    here = ms;
    for (const chart of all) {
      chart.line ||= chart.plot.appendChild(make("em", "", { class: "cross" }));
      if (!chart.line.isConnected) chart.plot.append(chart.line);
      const at = ms === null ? null : clamp(chart.say(chart, ms), view[0], view[1]);
      chart.line.hidden = ms === null || ms < view[0] || ms > view[1];
      if (at !== null) chart.line.style.left = `${toX(at) / W * 100}%`;
    }
  };
  const listen = (chart) => {
    const plot = chart.plot;
    const at = (event) => {
      const box = plot.getBoundingClientRect();
      return view[0] + clamp((event.clientX - box.left) / box.width, 0, 1) * (view[1] - view[0]);
    };
    let from = null, box = null;
    plot.tabIndex = 0;
    plot.addEventListener("pointermove", (event) => {
      const ms = at(event);
      point(ms);
      if (box) {
        const [left, right] = [Math.min(from, ms), Math.max(from, ms)].map((one) => toX(one) / W * 100);
        Object.assign(box.style, { left: `${left}%`, width: `${right - left}%` });
      }
    });
    plot.addEventListener("pointerdown", (event) => {
      point(at(event));
      if (event.pointerType !== "mouse" || event.button) return;
      from = at(event);
      box = plot.appendChild(make("em", "", { class: "chosen" }));
      plot.setPointerCapture(event.pointerId);
    });
    const done = (event) => {
      if (!box) return;
      box.remove();
      box = null;
      const to = at(event);
      if (event.type === "pointerup" && Math.abs(toX(to) - toX(from)) > W / 50) show(Math.min(from, to), Math.max(from, to));
    };
    plot.addEventListener("pointerup", done);
    plot.addEventListener("pointercancel", done);
    plot.addEventListener("dblclick", () => show(...whole));
    plot.addEventListener("keydown", (event) => {
      const step = (view[1] - view[0]) / 100, ms = here === null ? view[1] : here;
      const act = {
        ArrowLeft: () => event.shiftKey ? pan(-0.25) : point(clamp(ms - step, ...view)),
        ArrowRight: () => event.shiftKey ? pan(0.25) : point(clamp(ms + step, ...view)),
        "+": () => zoom(0.5, clamp(ms, ...view)), "-": () => zoom(2, clamp(ms, ...view)), 0: () => show(...whole),
      }[event.key];
      if (act) { act(); event.preventDefault(); }
    });
  };
  all.forEach(listen);

  // Buttons ------------------------------------------------------------------------------------------
  const button = (text, label, act) => {
    const node = make("button", text, { type: "button", "aria-label": label, title: label });
    node.addEventListener("click", act);
    return node;
  };
  for (const place of document.querySelectorAll(".tools")) {
    for (const [days, name, label] of [[30, "30 d", "last 30 days"], [90, "90 d", "last 90 days"], [365, "1 y", "last 365 days"]])
      if (days * DAY < whole[1] - whole[0]) place.append(button(name, label, () => show(whole[1] - days * DAY, whole[1])));
    place.append(
      button("all", "whole period", () => show(...whole)), button("\u2212", "zoom out", () => zoom(2)),
      button("+", "zoom in", () => zoom(0.5)), button("\u25c2", "earlier", () => pan(-0.5)), button("\u25b8", "later", () => pan(0.5)));
    if (place.dataset.log) {
      const figure = document.getElementById(place.dataset.log);
      const scale = button("log", "logarithmic scale", () => {
        moved = true;
        scale.setAttribute("aria-pressed", figure.classList.toggle("log"));
        redraw();
      });
      scale.setAttribute("aria-pressed", figure.classList.contains("log"));
      place.append(scale);
    }
    place.append(make("span", "whole period", { class: "window" }));
  }
  for (const choice of document.querySelectorAll(".choice input")) choice.addEventListener("change", redraw);
  let resized = 0;
  addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(redraw, 150); });
  redraw();
})();
