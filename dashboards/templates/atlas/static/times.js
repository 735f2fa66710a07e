// Words every <time datetime="..."> in the reader's zone: "3 min ago", or day and hour; the exact time on hover.
(() => {
  const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
  const clock = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

  function ago(at) {
    const seconds = (at - Date.now()) / 1000;
    const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) || UNITS[3];
    return relative.format(Math.trunc(seconds / size), unit);
  }

  function word(time) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) return;
    const text = time.dataset.form === "clock" ? clock.format(at) : ago(at);
    if (time.textContent !== text) time.textContent = text;
    time.title = exact.format(at);
  }

  const all = () => document.querySelectorAll("time[datetime]").forEach(word);
  let asked = false;
  const soon = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      all();
    });
  };
  new MutationObserver(soon).observe(document.body, { childList: true, subtree: true });
  setInterval(all, 10000);
})();
