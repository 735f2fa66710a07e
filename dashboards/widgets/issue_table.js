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

// What the language offers, in one look; the service refuses anything else and says where.
const HELP = [
  ["words", "timeout \"connection refused\""],
  ["level", "level:[error,critical]"],
  ["status", "is:regressed  status:ignored"],
  ["people", "assignee:me  is:unassigned"],
  ["where", "release:shop@1.*  environment:production"],
  ["tags", "tags.region:eu  -has:tags.customer"],
  ["numbers", "count:>100  users:>=5"],
  ["times", "first_seen:>2026-11-01  last_seen:-24h"],
];

function helpBox() {
  const box = make("details", "atlas-help");
  const list = make("dl");
  for (const [name, example] of HELP) list.append(make("dt", "", name), make("dd", "", example));
  box.append(make("summary", "", "Help"), list, make("p", "", "Terms side by side must all hold; - before a term turns it round."));
  return box;
}

function makeBar(model) {
  const filter = make("input", "atlas-filter");
  filter.type = "search";
  filter.placeholder = "Filter: words, level:error, is:regressed   ( / )";
  filter.setAttribute("aria-label", "Filter issues");
  filter.setAttribute("aria-describedby", "atlas-query-problem");
  filter.spellcheck = false;
  const sort = make("select");
  for (const [value, label] of Object.entries(model.get("sorts"))) sort.append(new Option(label, value));
  const label = make("label", "atlas-order", "Sort");
  label.append(sort);
  const count = make("span", "atlas-count");
  count.setAttribute("role", "status");
  const problem = make("p", "atlas-refused");
  problem.id = "atlas-query-problem";
  problem.setAttribute("role", "alert");
  const bar = make("div", "atlas-bar");
  bar.append(filter, label, helpBox(), count, problem);
  return { bar, filter, sort, count, problem };
}

function render({ model, el }) {
  const root = make("div", "atlas-table");
  const { bar, filter, sort, count, problem } = makeBar(model);
  const table = make("table");
  table.setAttribute("aria-label", "Issues");
  const head = make("thead");
  const body = make("tbody");
  table.append(head, body);
  const scroll = make("div", "atlas-scroll");
  scroll.append(table);
  const previous = make("button", "atlas-button", "‹ Previous");
  const next = make("button", "atlas-button", "Next ›");
  const foot = make("div", "atlas-foot");
  foot.append(previous, next);
  root.append(bar, scroll, foot);
  el.append(root);

  const set = (key, value) => {
    model.set(key, value);
    model.save_changes();
  };

  function tick(name, isTicked, act) {
    const box = make("input");
    box.type = "checkbox";
    box.checked = isTicked;
    box.setAttribute("aria-label", name);
    box.onclick = (event) => event.stopPropagation();
    box.onkeydown = (event) => event.stopPropagation();
    box.onchange = () => act(box.checked);
    return box;
  }

  function mark(ids, isMarked) {
    const others = model.get("marked").filter((id) => !ids.includes(id));
    set("marked", isMarked ? [...others, ...ids] : others);
  }

  function drawMarks() {
    const marked = model.get("marked");
    for (const line of body.querySelectorAll("[data-id]")) {
      line.querySelector("input").checked = marked.includes(line.dataset.id);
    }
    const all = head.querySelector("input");
    all.checked = marked.length > 0 && marked.length === model.get("rows").length;
    all.indeterminate = marked.length > 0 && !all.checked;
  }

  function drawHead() {
    const sorts = model.get("sorts");
    const line = make("tr");
    const all = make("th", "atlas-col-mark");
    const ids = () => model.get("rows").map((row) => row.id);
    all.append(tick("Choose all issues of this page", false, (isTicked) => mark(ids(), isTicked)));
    line.append(all);
    for (const column of COLUMNS) {
      const cell = make("th", "atlas-col-" + column.key);
      cell.scope = "col";
      if (column.key in sorts) {
        const button = make("button", "atlas-sort", column.label);
        cell.setAttribute("aria-sort", model.get("sort") === column.key ? "descending" : "none");
        button.onclick = () => set("sort", column.key);
        cell.append(button);
      } else {
        cell.append(make("span", "atlas-sort", column.label));
      }
      line.append(cell);
    }
    head.replaceChildren(line);
    sort.value = model.get("sort");
  }

  function select(line) {
    for (const other of body.querySelectorAll("[aria-selected]")) other.removeAttribute("aria-selected");
    line.setAttribute("aria-selected", "true");
    set("selected", line.dataset.id);
    if (matchMedia("(max-width: 1000px)").matches) document.querySelector(".atlas-detail")?.scrollIntoView();
  }

  function pressed(event, line) {
    if (event.key === "Enter" || event.key === " ") select(line);
    else if (event.key === "x") mark([line.dataset.id], !model.get("marked").includes(line.dataset.id));
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
    const ticked = make("td", "atlas-col-mark");
    ticked.onclick = (event) => event.stopPropagation();
    ticked.append(tick("Choose: " + row.title, model.get("marked").includes(row.id), (is) => mark([row.id], is)));
    line.append(ticked);
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
    return model.get("query") ? "No issue matches this filter." : "No issues on this page.";
  }

  function drawBody() {
    const rows = model.get("rows");
    const active = body.contains(document.activeElement) ? document.activeElement : null;
    const focused = active?.closest("[data-id]")?.dataset.id;
    body.replaceChildren(...rows.map(drawRow));
    if (!rows.length) {
      const line = make("tr");
      const cell = make("td", "atlas-none", emptyText());
      cell.colSpan = COLUMNS.length + 1;
      line.append(cell);
      body.append(line);
    }
    const line = focused && [...body.children].find((line) => line.dataset.id === focused);
    if (line) (active.tagName === "INPUT" ? line.querySelector("input") : line).focus();
    drawMarks();
  }

  function drawState() {
    const refused = model.get("problem");
    const at = refused.position;
    problem.replaceChildren();
    if (refused.text) problem.append(refused.text);
    if (refused.text && at !== null) {
      const shown = make("code", "", refused.query.slice(0, at));
      shown.append(make("mark", "", refused.query.slice(at) || "␣"));
      problem.append(shown);
    }
    if (refused.text) problem.append(make("span", "atlas-count", "The list still answers the last query."));
    filter.setAttribute("aria-invalid", String(Boolean(refused.text)));
    scroll.classList.toggle("atlas-old", Boolean(refused.text));
    count.textContent = refused.text ? "" : model.get("summary");
    previous.disabled = model.get("page") <= 0;
    next.disabled = !model.get("has_next");
    foot.hidden = previous.disabled && next.disabled;
  }

  let timer;
  filter.value = model.get("query");
  filter.oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(() => set("query", filter.value), 250);
  };
  sort.onchange = () => set("sort", sort.value);
  previous.onclick = () => set("page", Math.max(0, model.get("page") - 1));
  next.onclick = () => set("page", model.get("page") + 1);
  const slash = (event) => {
    if (event.key !== "/" || /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName)) return;
    event.preventDefault();
    filter.focus();
  };
  document.addEventListener("keydown", slash);
  model.on("change:rows change:loading change:selected", drawBody);
  model.on("change:problem change:loading change:summary change:page change:has_next", drawState);
  model.on("change:marked", drawMarks);
  model.on("change:page", () => scroll.scrollTo(0, 0));
  model.on("change:sort", () => {
    drawHead();
    drawMarks();
  });
  model.on("change:query", () => {
    if (document.activeElement !== filter) filter.value = model.get("query");
  });
  drawHead();
  drawBody();
  drawState();
  return () => document.removeEventListener("keydown", slash);
}

export default { render };
