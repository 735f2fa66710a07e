// Bars by hour, one colour a series, drawn as SVG in the reader's zone; arrows move through the hours.
const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 220, TOP = 10, BOTTOM = 24, LEFT = 46, RIGHT = 6;
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const exact = new Intl.DateTimeFormat(undefined, {
  weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
});

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function draw(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function ceiling(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(most, 1)));
  return [1, 2, 4, 6, 8, 10].map((step) => step * power).find((top) => top >= most);
}

function render({ model, el }) {
  const root = make("div", "atlas-bars");
  const legend = make("ul", "atlas-legend");
  const svg = draw("svg", { height: HEIGHT, role: "img", tabindex: "0" });
  const readout = make("p", "atlas-readout");
  readout.setAttribute("role", "status");
  root.append(legend, svg, readout);
  el.append(root);
  let chosen = -1;
  let hours = [];
  let series = [];
  const total = (index) => series.reduce((sum, one) => sum + one.values[index], 0);

  function drawLegend() {
    legend.replaceChildren(
      ...series.map((one) => {
        const entry = make("li", "", one.label);
        entry.prepend(make("span", "atlas-swatch atlas-tone-" + one.tone));
        return entry;
      }),
    );
  }

  function drawBars() {
    const width = Math.max(root.clientWidth, 200);
    svg.setAttribute("width", width);
    svg.replaceChildren();
    if (!hours.length) return;
    const most = ceiling(Math.max(...hours.map((_, index) => total(index))));
    const scale = (HEIGHT - TOP - BOTTOM) / most;
    const step = (width - LEFT - RIGHT) / hours.length;
    const base = HEIGHT - BOTTOM;
    for (const value of most < 4 ? [0, most] : [0, most / 2, most]) {
      const y = base - value * scale;
      svg.append(draw("line", { class: "atlas-grid", x1: LEFT, x2: width - RIGHT, y1: y, y2: y }));
      svg.append(draw("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, compact.format(value)));
    }
    const gap = step > 6 ? 2 : step > 3 ? 1 : 0;
    hours.forEach((_, index) => {
      const bar = draw("g", { "data-index": index });
      const x = LEFT + index * step;
      bar.append(draw("rect", { class: "atlas-hit", x, y: TOP, width: step, height: base - TOP }));
      let y = base;
      for (const one of series) {
        const height = one.values[index] * scale;
        if (!height) continue;
        const shown = Math.max(height, 1);
        y -= shown;
        const place = { x: x + gap / 2, y, width: Math.max(step - gap, 0.8), height: shown };
        bar.append(draw("rect", { class: "atlas-tone-" + one.tone, ...place }));
      }
      svg.append(bar);
    });
    drawTimes(width, step);
    mark();
  }

  function drawTimes(width, step) {
    let free = 0;
    hours.forEach((hour, index) => {
      const midnight = hour.getHours() === 0;
      const every = hours.length > 80 ? midnight : hours.length > 30 ? hour.getHours() % 12 === 0 : hour.getHours() % 4 === 0;
      const x = LEFT + index * step;
      if (!every || x < free || x > width - 50) return;
      svg.append(draw("text", { x, y: HEIGHT - 6 }, midnight ? day.format(hour) : clock.format(hour)));
      free = x + (midnight ? 84 : 56);
    });
  }

  function words(index) {
    const parts = series.filter((one) => one.values[index]).map((one) => `${whole.format(one.values[index])} ${one.label}`);
    return `${exact.format(hours[index])}, one hour: ${parts.join(", ") || "nothing"}`;
  }

  function mark() {
    svg.querySelector("[data-chosen]")?.removeAttribute("data-chosen");
    if (chosen >= hours.length) chosen = -1;
    if (chosen >= 0) svg.querySelector(`[data-index="${chosen}"]`)?.setAttribute("data-chosen", "");
    readout.textContent = chosen >= 0 ? words(chosen) : model.get("hint");
  }

  function choose(index) {
    chosen = Math.min(Math.max(index, 0), hours.length - 1);
    mark();
  }

  function redraw() {
    hours = model.get("hours").map((hour) => new Date(hour));
    series = model.get("series");
    svg.setAttribute("aria-label", model.get("label"));
    drawLegend();
    drawBars();
  }

  svg.onpointermove = (event) => {
    const bar = event.target.closest("[data-index]");
    if (bar) choose(Number(bar.dataset.index));
  };
  svg.onpointerdown = svg.onpointermove;
  svg.onpointerleave = () => {
    chosen = -1;
    mark();
  };
  svg.onkeydown = (event) => {
    const last = hours.length - 1;
    const from = chosen < 0 ? last + 1 : chosen;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(to);
  };
  const watcher = new ResizeObserver(drawBars);
  watcher.observe(root);
  model.on("change:hours change:series change:label change:hint", redraw);
  redraw();
  return () => watcher.disconnect();
}

export default { render };
