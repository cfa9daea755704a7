"""Small plots as SVG, by hand: panels of lines over logarithmic axes. Nothing of the machine's goes in but the numbers."""
import math
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 320, 240  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 34, 40
COLORS = ("#1f6f8b", "#c8553d", "#6a994e", "#8d6a9f")


@dataclass
class Panel:
    title: str
    unit: str
    lines: dict = field(default_factory=dict)  # name -> [(x, y)]


def ticks(low, high):
    """1, 2 and 5 of each decade that lie in the range."""
    return [step * 10**decade for decade in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1) for step in (1, 2, 5)
            if low * 0.999 <= step * 10**decade <= high * 1.001]


def number(value):
    return f"{value:g}"


class Axis:
    def __init__(self, values, start, end, room):
        self.low, self.high = min(values) / room, max(values) * room
        self.start, self.end = start, end

    def __call__(self, value):
        return self.start + (self.end - self.start) * math.log(value / self.low) / math.log(self.high / self.low)

    def ticks(self):
        return ticks(self.low, self.high) or [self.low, self.high]


def draw_panel(panel, names, x_title, left, top):
    points = [point for line in panel.lines.values() for point in line]
    across = Axis([x for x, _ in points], left + LEFT, left + WIDTH - RIGHT, 1.05)
    up = Axis([y for _, y in points], top + HEIGHT - BOTTOM, top + TOP, 1.5)
    out = [f'<text x="{left + LEFT}" y="{top + 20}" font-weight="bold">{escape(panel.title)}</text>']
    for tick in up.ticks():
        out.append(f'<line x1="{across.start}" x2="{across.end}" y1="{up(tick):.1f}" y2="{up(tick):.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{across.start - 5}" y="{up(tick) + 4:.1f}" text-anchor="end">{number(tick)}</text>')
    for tick in sorted({x for x, _ in points}):
        out.append(f'<line x1="{across(tick):.1f}" x2="{across(tick):.1f}" y1="{up.start}" y2="{up.end}" stroke="#eee"/>')
        out.append(f'<text x="{across(tick):.1f}" y="{up.start + 15}" text-anchor="middle">{number(tick)}</text>')
    out.append(f'<text x="{across.end}" y="{up.start + 31}" text-anchor="end">{escape(x_title)}</text>')
    out.append(f'<text x="{across.start - 5}" y="{top + 20}" text-anchor="end">{escape(panel.unit)}</text>')
    for name, line in panel.lines.items():
        color = COLORS[names.index(name)]
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line)
        out.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        out += [f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3" fill="{color}"/>' for x, y in line]
    return out


def draw(path, title, panels, x_title, columns=3):
    panels = [panel for panel in panels if panel.lines]
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    rows = -(-len(panels) // columns)
    width, height = columns * WIDTH, 46 + rows * HEIGHT
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
           'font-family="sans-serif" font-size="11" fill="#222">', f'<rect width="{width}" height="{height}" fill="#fff"/>',
           f'<text x="{LEFT}" y="24" font-size="14">{escape(title)}</text>']
    for i, name in enumerate(names):
        at = width - 110 * (len(names) - i)
        out.append(f'<circle cx="{at}" cy="20" r="5" fill="{COLORS[i]}"/><text x="{at + 10}" y="24">{escape(name)}</text>')
    for i, panel in enumerate(panels):
        out += draw_panel(panel, names, x_title, i % columns * WIDTH, 46 + i // columns * HEIGHT)
    with open(path, "w") as file:
        file.write("\n".join(out + ["</svg>", ""]))
