"""terminal_picture - a terminal's screen, as `tmux capture-pane -e` tells it, as
a picture that headless Chromium makes of it"""
import html
import os
import re
import subprocess
import tempfile

BACK, FRONT = "#1b1e24", "#d8dee6"
COLOURS = ("#555c68", "#f07178", "#9fd17a", "#e8c36a", "#7aa7f0", "#c792ea",
           "#66c7d0", "#d8dee6")
CELL, LINE, MARGIN = 9.633, 19, 14  # of DejaVu Sans Mono at 16 pixels
PATIENCE_S = 120


class Look:
    """What the escape sequences so far have made of the letters to come."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.front, self.on = FRONT, set()

    def take(self, numbers):
        for number in numbers:
            if number == 0:
                self.reset()
            elif number in (1, 2, 4, 7):
                self.on.add(number)
            elif 30 <= number <= 37:
                self.front = COLOURS[number - 30]
            elif number == 39:
                self.front = FRONT

    def style(self):
        front, back = self.front, BACK
        if 7 in self.on:
            front, back = back, front
        return (f"color:{front};background:{back};"
                + "font-weight:bold;" * (1 in self.on)
                + "opacity:.6;" * (2 in self.on)
                + "text-decoration:underline;" * (4 in self.on))


def page_of(screen, columns, rows):
    look, lines = Look(), []
    for line in screen.rstrip("\n").split("\n")[:rows]:
        out, used = [], 0
        for piece in re.split(r"(\x1b\[[\d;]*m)", line):
            if piece.startswith("\x1b"):
                look.take([int(word or 0) for word in piece[2:-1].split(";")])
                continue
            used += len(piece)
            out.append(f'<span style="{look.style()}">{html.escape(piece)}'
                       "</span>")
        out.append(f'<span style="{look.style()}">{" " * (columns - used)}'
                   "</span>")
        lines.append("".join(out))
    return (f'<!doctype html><meta charset="utf-8"><style>body{{margin:0;'
            f"background:{BACK}}}pre{{margin:{MARGIN}px;font:16px/{LINE}px "
            "'DejaVu Sans Mono',monospace}</style><pre>"
            + "\n".join(lines) + "</pre>")


def save(screen, columns, rows, path):
    width = round(CELL * columns) + 2 * MARGIN
    height = LINE * rows + 2 * MARGIN
    with tempfile.TemporaryDirectory(prefix="fan-test-") as folder:
        page = os.path.join(folder, "page.html")
        with open(page, "w", encoding="utf-8") as file:
            file.write(page_of(screen, columns, rows))
        subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
             "--hide-scrollbars", "--force-device-scale-factor=1",
             f"--user-data-dir={folder}/profile",
             f"--window-size={width},{height}", f"--screenshot={path}",
             "file://" + page],
            check=True, capture_output=True, timeout=PATIENCE_S)
    return width, height
