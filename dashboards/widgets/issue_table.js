const COLUMNS = [
  { key: "title", label: "Issue", fill: issueCell },
  { key: "level", label: "Level", fill: pillCell },
  { key: "status", label: "Status", fill: pillCell },
  { key: "count", label: "Events", fill: numberCell },
  { key: "users", label: "Users", fill: numberCell },
  { key: "last_seen", label: "Last seen", fill: timeCell },
];
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

// textContent only, never innerHTML: titles are written by whoever can raise an error.
function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function issueCell(cell, row) {
  cell.title = row.title;
  cell.append(make("div", "atlas-title", row.title), make("div", "atlas-sub", row.where));
}

function pillCell(cell, row, key) {
  const word = String(row[key]);
  const kind = /^[a-z]+$/.test(word) ? word : "unknown";
  cell.append(make("span", "atlas-pill atlas-is-" + kind, word));
}

function numberCell(cell, row, key) {
  cell.textContent = compact.format(row[key]);
  cell.title = `${row[key].toLocaleString("en")} ${key === "count" ? "events" : "users"}`;
}

function timeCell(cell, row, key) {
  const time = make("time", "", row[key]);
  time.dateTime = row[key];
  cell.append(time);
}

function render({ model, el }) {
  const root = make("div", "atlas-table");
  const filter = make("input", "atlas-filter");
  filter.type = "search";
  filter.placeholder = "Filter issues   ( / )";
  filter.setAttribute("aria-label", "Filter issues");
  filter.value = model.get("query");
  const count = make("span", "atlas-count");
  count.setAttribute("role", "status");
  const bar = make("div", "atlas-bar");
  bar.append(filter, count);
  const table = make("table");
  table.setAttribute("aria-label", "Issues");
  const head = make("thead");
  const body = make("tbody");
  table.append(head, body);
  const scroll = make("div", "atlas-scroll");
  scroll.append(table);
  const previous = make("button", "atlas-button", "‹ Previous");
  const next = make("button", "atlas-button", "Next ›");
  const range = make("span", "atlas-sub");
  const foot = make("div", "atlas-foot");
  foot.append(range, previous, next);
  root.append(bar, scroll, foot);
  el.append(root);

  const set = (key, value) => {
    model.set(key, value);
    model.save_changes();
  };

  function drawHead() {
    const sort = model.get("sort");
    const line = make("tr");
    for (const column of COLUMNS) {
      const cell = make("th", "atlas-col-" + column.key);
      const button = make("button", "atlas-sort", column.label);
      const direction = sort === column.key ? "ascending" : sort === "-" + column.key ? "descending" : "none";
      cell.scope = "col";
      cell.setAttribute("aria-sort", direction);
      button.onclick = () => set("sort", direction === "descending" ? column.key : "-" + column.key);
      cell.append(button);
      line.append(cell);
    }
    head.replaceChildren(line);
  }

  function select(line) {
    for (const other of body.querySelectorAll("[aria-selected]")) other.removeAttribute("aria-selected");
    line.setAttribute("aria-selected", "true");
    set("selected", line.dataset.id);
    if (matchMedia("(max-width: 1000px)").matches) document.querySelector(".atlas-detail")?.scrollIntoView();
  }

  function pressed(event, line) {
    if (event.key === "Enter" || event.key === " ") select(line);
    else if (event.key === "ArrowDown" || event.key === "j") line.nextElementSibling?.focus();
    else if (event.key === "ArrowUp" || event.key === "k") line.previousElementSibling?.focus();
    else return;
    event.preventDefault();
  }

  function drawRow(row, index) {
    const line = make("tr");
    line.tabIndex = index ? -1 : 0;
    line.dataset.id = row.id;
    if (row.id === model.get("selected")) line.setAttribute("aria-selected", "true");
    for (const column of COLUMNS) {
      const cell = make("td", "atlas-col-" + column.key);
      column.fill(cell, row, column.key);
      line.append(cell);
    }
    line.onclick = () => select(line);
    line.onkeydown = (event) => pressed(event, line);
    return line;
  }

  function emptyText() {
    if (model.get("loading")) return "Loading issues…";
    return model.get("query") ? "No issue matches this filter." : "No issues yet.";
  }

  function drawBody() {
    const rows = model.get("rows");
    const focused = body.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    body.replaceChildren(...rows.map(drawRow));
    if (!rows.length) {
      const line = make("tr");
      const cell = make("td", "atlas-none", emptyText());
      cell.colSpan = COLUMNS.length;
      line.append(cell);
      body.append(line);
    }
    if (focused) [...body.children].find((line) => line.dataset.id === focused)?.focus();
    drawFoot();
  }

  function drawFoot() {
    const total = model.get("total");
    const page = model.get("page");
    const size = model.get("page_size");
    const end = Math.min(total, (page + 1) * size);
    count.textContent = total.toLocaleString("en") + (total === 1 ? " issue" : " issues");
    range.textContent = total ? `${page * size + 1}–${end} of ${total.toLocaleString("en")}` : "";
    previous.disabled = page <= 0;
    next.disabled = end >= total;
    foot.hidden = total <= size;
  }

  let timer;
  filter.oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(() => set("query", filter.value), 150);
  };
  previous.onclick = () => set("page", Math.max(0, model.get("page") - 1));
  next.onclick = () => set("page", model.get("page") + 1);
  const slash = (event) => {
    if (event.key !== "/" || /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName)) return;
    event.preventDefault();
    filter.focus();
  };
  document.addEventListener("keydown", slash);
  model.on("change:rows change:loading change:selected", drawBody);
  model.on("change:total change:page", drawFoot);
  model.on("change:sort", drawHead);
  model.on("change:query", () => {
    if (document.activeElement !== filter) filter.value = model.get("query");
  });
  drawHead();
  drawBody();
  return () => document.removeEventListener("keydown", slash);
}

export default { render };
