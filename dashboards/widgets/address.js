const read = () => Object.fromEntries(new URLSearchParams(location.search));

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
  const back = () => {
    model.set("params", read());
    model.save_changes();
  };
  point();
  model.on("change:params", write);
  window.addEventListener("popstate", back);
  return () => window.removeEventListener("popstate", back);
}

export default { render };
