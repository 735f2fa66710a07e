const read = (query) => Object.fromEntries(new URLSearchParams(query));

function render({ model, el }) {
  el.hidden = true;
  // The other pages open on the same project.
  const point = () => {
    const project = model.get("params").project;
    for (const link of document.querySelectorAll(".atlas-top nav a"))
      link.search = project ? "?" + new URLSearchParams({ project }) : "";
  };
  const write = () => {
    point();
    const query = new URLSearchParams(model.get("params")).toString();
    const address = location.pathname + (query ? "?" + query : "");
    if (address !== location.pathname + location.search) history.pushState(null, "", address);
  };
  const show = (query) => {
    model.set("params", read(query));
    model.save_changes();
  };
  const back = () => show(location.search);
  // Links within the page change what it shows; with a key held they open a tab, as anywhere.
  const follow = (event) => {
    const link = event.target.closest?.('a[href^="?"]');
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(link.search);
  };
  point();
  model.on("change:params", write);
  window.addEventListener("popstate", back);
  document.addEventListener("click", follow);
  return () => {
    window.removeEventListener("popstate", back);
    document.removeEventListener("click", follow);
  };
}

export default { render };
