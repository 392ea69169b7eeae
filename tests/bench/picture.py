"""The pairs as a picture: bars, a panel for each setting, as SVG."""

from xml.sax.saxutils import escape

import figures
import tables

_WIDTH = 760
_NAMES = 150
_BAR = 15
_STEP = 21
_PANEL_TITLE = 30
_FIGURE_ROOM = 110

_OWN, _BARE, _PEER = "#2563a8", "#8a8f98", "#c98a2b"


def _colour(row):
    if row == "bare":
        return _BARE
    return _OWN if row.startswith(("holdfast", "session")) else _PEER


def _panel(results, setting, top):
    """The panel's elements and the height that it takes."""
    rates = {
        row: figures.spread(results.values("pairs", setting, row, "rate").values())
        for row in results.rows("pairs", setting)
    }
    longest = max(spread.high for spread in rates.values())
    scale = (_WIDTH - _NAMES - _FIGURE_ROOM) / longest
    connections, each = setting.split("x")
    callers = int(connections) * int(each)
    title = f"{callers:,} at once on {connections} connection{'s' if connections != '1' else ''}"
    parts = [f'<text x="0" y="{top + 18}" class="title">{escape(title)}</text>']
    y = top + _PANEL_TITLE
    for row, spread in rates.items():
        length = max(1.0, spread.median * scale)
        low, high = (_NAMES + value * scale for value in (spread.low, spread.high))
        middle = y + _BAR / 2
        parts += [
            f'<text x="{_NAMES - 8}" y="{y + 12}" class="name">{escape(row)}</text>',
            f'<rect x="{_NAMES}" y="{y}" width="{length:.1f}" height="{_BAR}" '
            f'fill="{_colour(row)}"/>',
            f'<line x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}" class="spread"/>',
            f'<text x="{max(high, _NAMES + length) + 6:.1f}" y="{y + 12}">'
            f"{tables.number(spread.median)}</text>",
        ]
        y += _STEP
    return parts, y - top + 14


def svg(results, caption):
    """The picture, with the caption below it. REQUIRES: pairs were measured."""
    parts = []
    top = 0
    for setting in results.settings("pairs"):
        panel, height = _panel(results, setting, top)
        parts += panel
        top += height
    parts.append(f'<text x="0" y="{top + 12}" class="caption">{escape(caption)}</text>')
    style = (
        "text{font:12px sans-serif;fill:#3c4048}.title{font-weight:bold}.name{text-anchor:end}"
        ".caption{font-size:11px;fill:#6a6f78}.spread{stroke:#1c1e22;stroke-width:1.5}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -6 {_WIDTH + 20} {top + 30}" '
        f'width="{_WIDTH + 20}" height="{top + 30}">\n'
        f'<style>{style}</style>\n<rect x="-10" y="-6" width="100%" height="100%" fill="#fff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
