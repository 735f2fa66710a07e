const read = () => Object.fromEntries(new URLSearchParams(location.search));

function render({ model, el }) {
  el.hidden = true;
  const write = () => {
    const query = new URLSearchParams(model.get("params")).toString();
    const address = location.pathname + (query ? "?" + query : "");
    if (address !== location.pathname + location.search) history.pushState(null, "", address);
  };
  const back = () => {
    model.set("params", read());
    model.save_changes();
  };
  model.on("change:params", write);
  window.addEventListener("popstate", back);
  return () => window.removeEventListener("popstate", back);
}

export default { render };
