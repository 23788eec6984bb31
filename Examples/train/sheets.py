#!/usr/bin/env python3
"""Sheets on which a person judges whether a built-in model follows words.

  python3 sheets.py --ldm .build/release/ldm --model OUT --out FOLDER
  python3 sheets.py --score ANSWERS.txt --out FOLDER

Draws the 100 held-out captions of questions.tsv (N.png), and sheets of them, each above four choices of its kind
(words-N.png). The right choices go to FOLDER/key.txt, which the judge does not open; ANSWERS.txt has a letter, a to d,
for each picture in order.

questions.tsv: captions of held-out pictures without keywords, and their choices, drawn by chance; of the clip art those
that name an object were picked by hand, and put in plain words, as many are names of authors or series. Sixteen of the
emoji are people whom training shows in another tone of skin; else one caption in all, the tiger, is in the training.
"""
import argparse
import subprocess
from itertools import accumulate
from pathlib import Path

from PIL import Image, ImageDraw

QUESTIONS = Path(__file__).with_name("questions.tsv")
KINDS = {"emoji of": 40, "clip art of": 35, "photo of": 25}
SIDE, TEXT, COLUMNS, ROWS = 128, 66, 5, 5


def questions():
    """(caption, four choices): QUESTIONS' rows."""
    rows = [line.split("\t") for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    return [(row[0], row[1:]) for row in rows]


def ldm(arguments, *options, stdin=None):
    run = subprocess.run([arguments.ldm, *options, "-m", arguments.model / "base", "-q"], stdin=stdin, check=True,
                         stdout=subprocess.PIPE)
    return run.stdout


def picture(data, file):
    file.write_bytes(data)
    return Image.open(file).convert("RGB").resize((SIDE, SIDE), Image.BICUBIC)


def words(arguments):
    asked = questions()
    for number in range(0, len(asked), COLUMNS * ROWS):
        sheet = Image.new("RGB", (COLUMNS * 260, ROWS * (SIDE + TEXT)), "white")
        pen = ImageDraw.Draw(sheet)
        for i, (caption, choices) in enumerate(asked[number:number + COLUMNS * ROWS]):
            x, y = i % COLUMNS * 260, i // COLUMNS * (SIDE + TEXT)
            data = ldm(arguments, "txt2img", "-p", caption, "--seed", str(arguments.seed + number + i), *arguments.options)
            sheet.paste(picture(data, arguments.out / f"{number + i + 1}.png"), (x + 30, y))
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
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--score", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="of the first picture; each has the next (default: %(default)s)")
    parser.add_argument("options", nargs="*", help="more options of ldm txt2img, after --")
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
