#!/usr/bin/env python3
"""Sheets on which a person judges whether a built-in model follows words.

  python3 sheets.py --ldm .build/release/ldm --model OUT --data PACK --out FOLDER
  python3 sheets.py --score ANSWERS.txt --out FOLDER

Draws 100 held-out captions, each under four choices of its kind (words-N.png). The right choices go to FOLDER/key.txt,
which the judge does not open; ANSWERS.txt has a letter, a to d, for each picture in order.
"""
import argparse
import random
import subprocess
from itertools import accumulate
from pathlib import Path

from PIL import Image, ImageDraw

from table import captions

KINDS = {"emoji of": 40, "clip art of": 35, "photo of": 25}
SIDE, TEXT, COLUMNS, ROWS = 128, 66, 5, 5


def short_captions(pack, folder):
    """Captions of a folder without their keywords: {picture: caption}."""
    return {path: caption.split(",")[0] for path, caption in captions(pack).items() if path.startswith(folder)}


def questions(pack):
    """(caption, four choices), the same ones for every model."""
    chance, asked = random.Random(7), []
    short = [c for c in dict.fromkeys(short_captions(pack, "val/").values()) if len(c.split()) <= 8]
    for kind, count in KINDS.items():
        known = sorted(c for c in short if c.startswith(kind))
        for caption in chance.sample(known, min(count, len(known))):
            choices = [caption, *chance.sample([c for c in known if c != caption], 3)]
            asked.append((caption, chance.sample(choices, 4)))
    return asked


def ldm(arguments, *options, stdin=None):
    run = subprocess.run([arguments.ldm, *options, "-m", arguments.model / "base", "-q"], stdin=stdin, check=True,
                         stdout=subprocess.PIPE)
    return run.stdout


def picture(data, file):
    file.write_bytes(data)
    return Image.open(file).convert("RGB").resize((SIDE, SIDE), Image.BICUBIC)


def words(arguments):
    asked = questions(arguments.data)
    for number in range(0, len(asked), COLUMNS * ROWS):
        sheet = Image.new("RGB", (COLUMNS * 260, ROWS * (SIDE + TEXT)), "white")
        pen = ImageDraw.Draw(sheet)
        for i, (caption, choices) in enumerate(asked[number:number + COLUMNS * ROWS]):
            x, y = i % COLUMNS * 260, i // COLUMNS * (SIDE + TEXT)
            data = ldm(arguments, "txt2img", "-p", caption, "--seed", str(number + i))
            sheet.paste(picture(data, arguments.out / "last.png"), (x + 30, y))
            pen.text((x, y + 2), str(number + i + 1), "black")
            for j, choice in enumerate(choices):
                pen.text((x, y + SIDE + 2 + 15 * j), f"{'abcd'[j]} {choice}"[:42], "black")
        sheet.save(arguments.out / f"words-{number // (COLUMNS * ROWS) + 1}.png")
    key = "".join("abcd"[choices.index(caption)] + "\n" for caption, choices in asked)
    (arguments.out / "key.txt").write_text(key, encoding="ascii")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ldm", default="ldm")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--score", type=Path)
    arguments = parser.parse_args()
    if arguments.score:
        answers, key = arguments.score.read_text().split(), (arguments.out / "key.txt").read_text().split()
        for kind, end in zip(KINDS, accumulate(KINDS.values())):
            part = slice(end - KINDS[kind], end)
            print(kind, sum(a == k for a, k in zip(answers[part], key[part], strict=True)), "of", len(key[part]))
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    words(arguments)


if __name__ == "__main__":
    main()
