"""The address bar as a widget: deep links, Back and Forward."""

from pathlib import Path

import anywidget
import traitlets

_HERE = Path(__file__).parent


class Address(anywidget.AnyWidget):
    """Keeps `params` in the page's query; Back and Forward change `params`."""

    _esm = _HERE / "address.js"
    params = traitlets.Dict().tag(sync=True)
