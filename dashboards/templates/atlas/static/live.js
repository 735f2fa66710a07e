// Says whether the page is live; a kernel that is gone is said once, with a button that loads the page again.
(() => {
  const CHECK_MS = 100;
  const START_CHECKS = 600;
  const ASK_MS = 15000;
  const GONE = ["dead", "restarting", "autorestarting", "terminating"];
  const state = document.getElementById("atlas-live");
  const banner = document.getElementById("atlas-banner");
  let ended = false;

  function say(kind, words) {
    if (state.dataset.state !== kind) {
      state.dataset.state = kind;
      state.textContent = words;
    }
  }

  function end(words) {
    if (ended) return;
    ended = true;
    say("lost", "Disconnected");
    banner.textContent = words;
    const button = document.createElement("button");
    button.textContent = "Reload";
    button.onclick = () => location.reload();
    banner.append(button);
    banner.hidden = false;
  }

  function watch(kernel) {
    const update = () => {
      if (ended) return;
      if (kernel.isDisposed || GONE.includes(kernel.status) || kernel.connectionStatus === "disconnected")
        end("This page has ended.");
      else if (kernel.connectionStatus === "connected") say("live", "Live");
      else say("waiting", "Reconnecting…");
    };
    kernel.connectionStatusChanged.connect(update);
    kernel.statusChanged.connect(update);
    update();
    setInterval(() => ask(kernel), ASK_MS);
  }

  async function ask(kernel) {
    try {
      const answer = await fetch("/api/kernels/" + encodeURIComponent(kernel.id));
      if (answer.status === 403) end("You have been signed out.");
      if (answer.status === 404) end("This page has ended.");
    } catch {
      say("waiting", "Reconnecting…");
    }
  }

  let checks = 0;
  const starting = setInterval(() => {
    const kernel = window.jupyterapp?.widgetManager?.kernel;
    if (kernel) watch(kernel);
    else if (++checks > START_CHECKS) end("This page could not start.");
    if (kernel || ended) clearInterval(starting);
  }, CHECK_MS);
})();
