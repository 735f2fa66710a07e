// Runs before the first paint: the theme, and the functions that Voila's scripts expect to find.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  let kept = null;
  try {
    kept = localStorage.getItem("atlas-theme");
  } catch {
    kept = null; // storage is switched off: follow the system
  }
  document.documentElement.dataset.theme = kept || system;
  document.documentElement.lang = "en";

  const nothing = () => {};
  window.voila_heartbeat = nothing;
  window.update_loading_text = nothing;
  window.voila_process = nothing;
  window.display_cells = window.voila_finish = () => {
    if (!window.themeLoaded) {
      window.cellLoaded = true;
      return;
    }
    document.getElementById("loading")?.remove();
    const cells = document.getElementById("rendered_cells");
    if (cells) cells.style.display = "";
  };
})();
