// The button that switches between light and dark.
document.getElementById("atlas-theme")?.addEventListener("click", () => {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("atlas-theme", root.dataset.theme);
  } catch {
    return; // storage is switched off: the choice lasts as long as this page
  }
});
