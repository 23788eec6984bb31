"""Clip art from Open Clip Art Library, with its titles and keywords."""
import collections
import re
import xml.etree.ElementTree as ET

from captions import tidy, with_article
from cuts import opened, rendered
from packages import digest

PACKAGE = "openclipart-svg"
TITLE, SUBJECT = "{http://purl.org/dc/elements/1.1/}title", "{http://purl.org/dc/elements/1.1/}subject"
ITEM = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
NO_WORDS = set("untitled unnamed unknown clip art clipart image picture drawing icon svg openclipart architetto "
               "francesco rollandin title remix untitle anonymous document default new".split())
NO_KEYWORDS = NO_WORDS | {"externalsource", "inkscape", "hash", "united nations member", "lemon theme icon", "flag"}
# Of these folders only so many: they hold much of a kind.
MOST = {"geography": 300, "signs_and_symbols": 700, "buttons": 80, "logos": 60, "special": 400, "computer": 450,
        "shapes": 250}


def described(file):
    """Title and keywords, tidied; None where the file cannot be read."""
    try:
        tree = ET.parse(file)
    except (ET.ParseError, OSError, ValueError):
        return None
    title = next((e.text for e in tree.iter(TITLE) if e.text), "")
    return tidy(title), [tidy(e.text) for s in tree.iter(SUBJECT) for e in s.iter(ITEM) if e.text]


def is_name(text, english):
    words = [w for w in text.split() if w not in NO_WORDS]
    known = sum(w in english and len(w) > 1 for w in words)
    return 0 < len(words) <= 8 and known >= 0.7 * len(words) and any(len(w) > 2 and w in english for w in words)


def named(title, file, english):
    """The title, else the file's name, where it is English."""
    from_file = tidy(re.sub(r"_\d+.*|_[a-z]+_[a-z.]*_?$", "", file).replace("_", " "))
    name = next((text for text in (title, from_file) if is_name(text, english)), "")
    name = " ".join(w for w in name.split() if w not in NO_WORDS)
    return "" if name.startswith(("the words", "text")) or "font" in name.split() else name


def as_flag(name, keywords):
    """A flag bears the name of its country alone."""
    flag = "flag" not in name and not {"flag", "united nations member"}.isdisjoint(keywords)
    return "the flag of " + name if flag else name


def drawn(file):
    """The package's own PNG where it is large enough, else the SVG rendered."""
    png = str(file).replace("openclipart-svg", "openclipart-png").replace("/svg/", "/png/").replace(".svg", ".png")
    picture = opened(png)
    box = picture.getchannel("A").getbbox() if picture else None
    large = box and max(box[2] - box[0], box[3] - box[1]) >= 120
    return picture if large else rendered(file, 256)


def clipart(packages):
    """Yields (picture, caption, package, name)."""
    root, english = packages.path(PACKAGE, "usr/share/openclipart/svg"), packages.english
    packages.path("openclipart-png")
    count = collections.Counter()
    for file in sorted(sorted(root.rglob("*.svg")), key=lambda f: digest(f.name)):
        description = None if file.is_symlink() or file.stat().st_size > 1_500_000 else described(file)
        name = named(description[0], file.name, english) if description else ""
        folder = file.relative_to(root).parts[0]
        if not name or count[folder] >= MOST.get(folder, 1_000_000):
            continue
        picture = drawn(file)
        if picture:
            count[folder] += 1
            words = [k for k in dict.fromkeys(description[1]) if k and k not in name and k not in NO_KEYWORDS
                     and len(k.split()) <= 3 and all(w in english for w in k.split())]
            noun = with_article(as_flag(name, description[1]))
            yield picture, ", ".join(["clip art of " + noun] + words[:3]), PACKAGE, name
