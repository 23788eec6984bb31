"""captions.tsv of a pack of pictures: path, caption, source, licence."""
from collections import Counter

from pack.captions import with_article

# How often a kind of drawing is shown: icons of programs have hardly a use.
SHOWN = {"emoji": 2, "icon": 0.2}


def captions(pack):
    """{path of a picture, in the pack: its caption}"""
    with open(pack / "captions.tsv", encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split("\t")[:2] for line in lines)


def short(caption):
    """A caption without its keywords."""
    return caption.split(", ")[0]


def kind(caption):
    return caption.split(" of ")[0]


def spoken(caption):
    """A short caption as people say it: the names of emoji have no article, those of clip art have one."""
    name = caption.removeprefix("emoji of ")
    if name == caption:
        return caption
    return "emoji of " + ("the " + name if name.startswith("flag of ") else with_article(name))


def wordings(caption):
    """Four ways to say a caption: twice short, with and without an article; with its keywords; the first of these alone."""
    _, *keywords = caption.split(", ")
    other = f"{kind(caption)} of {keywords[0]}" if keywords else caption
    return short(caption), spoken(short(caption)), caption, other


def weights(known):
    """How often each caption's picture is shown: those of one name together only as the root of their number."""
    count = Counter(map(short, known))
    return [SHOWN.get(kind(caption), 1) / count[short(caption)] ** 0.5 for caption in known]
