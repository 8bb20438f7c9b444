# SPDX-License-Identifier: MIT
"""A plot as SVG: curves over numbers, each point with its spread and its target."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 78, 20, 44, 58
# Told apart by those who see colours differently (Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555", "#8c6d00")
DASHES = ("", "7 4", "2 3", "9 3 2 3")


def number(value):
    """A number as a reader wants it: three digits or four, or all of a whole one."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", "\u202f")
    if abs(value - round(value)) < 1e-9:
        return str(round(value))
    if abs(value) >= 10:
        return f"{value:.4g}"
    return f"{value:.3g}" if abs(value) >= 1e-4 else f"{value:.1e}"


def of_key(key, value):
    """How a point's number is written; bytes are powers of two."""
    if key == "bytes" and value >= 1024:
        for unit in ("KiB", "MiB", "GiB"):
            value /= 1024
            if value < 1024 or unit == "GiB":
                return f"{number(value)} {unit}"
    return number(value)


def steps(top):
    """About five round numbers from 0 to at least @top."""
    rough = top / 5
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * n for n in (1, 2, 2.5, 5, 10) if size * n >= rough * 0.999)
    return [step * n for n in range(math.ceil(top / step - 1e-9) + 1)]


class Axis:
    """From values to places; with @log each doubling, or each power of ten, is as long."""

    def __init__(self, values, begin, end, log):
        self.begin, self.end = begin, end
        self.scale = math.log if log else float
        low, high = min(values), max(values)
        self.low = self.scale(low)
        self.span = (self.scale(high) - self.low) or 1

    def place(self, value):
        return self.begin + (self.scale(value) - self.low) / self.span * (self.end - self.begin)


def y_ticks(values):
    """The numbers at the y axis, and whether it is logarithmic."""
    low, high = min(values), max(values)
    if low > 0 and high / low > 40:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        return [10.0 ** n for n in range(first, last + 1)], True
    return steps(max(high, 1e-9)), False


def thin(ticks, most):
    every = math.ceil(len(ticks) / most)
    return ticks[::every]


def svg(title, x_label, y_label, curves):
    """@curves: {name: [(x, y, low, high, target or None), ...]}, of which none is empty."""
    points = [point for curve in curves.values() for point in curve]
    xs = sorted({point[0] for point in points})
    log_x = xs[0] > 0 and len(xs) > 2 and xs[-1] / xs[0] >= 4
    ticks, log_y = y_ticks([value for point in points for value in (point[1:4] + point[4:])
                            if value is not None])
    x_axis = Axis(xs if len(xs) > 1 else [xs[0] - 1, xs[0] + 1], LEFT + 16,
                  WIDTH - RIGHT - 16, log_x)
    named = len(curves) > 1  # else the title names it
    bottom = HEIGHT - BOTTOM
    height = HEIGHT + (20 * math.ceil(len(curves) / 2) + 8 if named else 0)
    y_axis = Axis(ticks, bottom, TOP, log_y)
    key = x_label.split(",")[0]

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13" '
           f'role="img">',
           f"<title>{escape(title)}</title>",
           "<style>text { fill: #123 } .grid { stroke: #dde3e8 } .axis { stroke: #345 }"
           " .target { stroke: #b00020; stroke-width: 2.5 }</style>",
           f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
           f'<text x="{LEFT}" y="24" font-size="15" font-weight="bold">{escape(title)}</text>']
    for tick in ticks:
        y = y_axis.place(tick)
        out += [f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" '
                f'y2="{y:.1f}"/>',
                f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number(tick)}</text>']
    for tick in thin(xs, 12):
        x = x_axis.place(tick)
        out += [f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" '
                f'y2="{bottom + 5}"/>',
                f'<text x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">'
                f'{escape(of_key(key, tick))}</text>']
    out += [f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}"/>',
            f'<line class="axis" x1="{LEFT}" x2="{LEFT}" y1="{TOP}" y2="{bottom}"/>',
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{bottom + 42}" text-anchor="middle">'
            f'{escape(x_label + (" (logarithmic)" if log_x else ""))}</text>',
            f'<text transform="translate(18 {(TOP + bottom) / 2:.0f}) rotate(-90)" '
            f'text-anchor="middle">{escape(y_label)}</text>']

    for n, (name, curve) in enumerate(curves.items()):
        # What lies on another curve shows it through its gaps and behind its smaller points.
        colour, dash = COLOURS[n % len(COLOURS)], DASHES[n % len(DASHES)]
        radius = max(2.5, 4.5 - 0.4 * n)
        places = [(x_axis.place(point[0]), point) for point in sorted(curve)]
        path = " ".join(f"{x:.1f},{y_axis.place(point[1]):.1f}" for x, point in places)
        out.append(f'<g stroke="{colour}" fill="none" stroke-width="2">'
                   f'<polyline points="{path}" stroke-dasharray="{dash or "none"}"/>')
        for x, (_, value, low, high, target) in places:
            if high > low:
                out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y_axis.place(low):.1f}" '
                           f'y2="{y_axis.place(high):.1f}" stroke-width="1"/>')
            out.append(f'<circle cx="{x:.1f}" cy="{y_axis.place(value):.1f}" r="{radius:.1f}" '
                       f'fill="{colour}"/>')
            if target is not None:
                y = y_axis.place(target)
                out.append(f'<line class="target" x1="{x - 11:.1f}" x2="{x + 11:.1f}" '
                           f'y1="{y:.1f}" y2="{y:.1f}"/>')
        out.append("</g>")
        x, y = LEFT + (n % 2) * (WIDTH - LEFT) // 2, HEIGHT + 20 * (n // 2) + 4
        if not named:
            continue
        out += [f'<line x1="{x}" x2="{x + 26}" y1="{y}" y2="{y}" stroke="{colour}" '
                f'stroke-width="2" stroke-dasharray="{dash or "none"}"/>',
                f'<text x="{x + 34}" y="{y + 4}">{escape(name)}</text>']
    if any(point[4] is not None for point in points):
        out += [f'<line class="target" x1="{WIDTH - 98}" x2="{WIDTH - 76}" y1="20" y2="20"/>',
                f'<text x="{WIDTH - 68}" y="24">target</text>']
    return "\n".join(out + ["</svg>"]) + "\n"
