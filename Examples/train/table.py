"""captions.tsv of a pack of pictures: path, caption, source, licence."""
import re
from collections import Counter

from pack.captions import with_article

# How often a kind of drawing is shown: icons of programs have hardly a use.
SHOWN = {"emoji": 2, "clip art": 1.5, "icon": 0.2}
# How the styles of emoji end that name one; how often those are shown.
STYLE, STYLED = " style", 0.6
# Flags are told already, and pictures of one name are series more often than views of one thing.
FLAGS, SERIES = 0.4, 4
# What a mirror makes something else.
SIDED = re.compile(r"\b(flag|left|right|arrow|clock|o.clock|thirty|keycap|letter|forward|back|undo|redo)\b")


def captions(pack):
    """{path of a picture, in the pack: its caption}"""
    with open(pack / "captions.tsv", encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split("\t")[:2] for line in lines)


def short(caption):
    """A caption without its keywords, but with its style."""
    name, *more = caption.split(", ")
    styled = more and kind(caption) == "emoji" and more[0].endswith(STYLE)
    return f"{name}, {more[0]}" if styled else name


def kind(caption):
    return caption.split(" of ")[0]


def spoken(caption):
    """A short caption as people say it: the names of emoji have no article, those of clip art have one."""
    if kind(caption) != "emoji":
        return caption
    name, *style = caption.removeprefix("emoji of ").split(", ")
    return ", ".join(["emoji of " + ("the " + name if name.startswith("flag of ") else with_article(name))] + style)


def wordings(caption):
    """Four ways to say a caption: short, with an article (two of them) and without; with its keywords. No keyword alone: it
    is too often another thing, as "eye" of a winking face."""
    return short(caption), spoken(short(caption)), spoken(short(caption)), caption


def mirrors(caption):
    """Whether a mirrored picture still shows it."""
    return SIDED.search(short(caption)) is None


def weights(known):
    """How often each caption's picture is shown: those of one name together only as the root of their number, at most as
    SERIES of them."""
    count = Counter(map(short, known))

    def weight(caption):
        name = short(caption)
        styled = ", " in name
        shown = FLAGS if " of flag of " in name else STYLED if styled else SHOWN.get(kind(caption), 1)
        return shown * min(count[name] ** 0.5, SERIES) / count[name]

    return [weight(caption) for caption in known]
