"""Stamps of Tux Paint: photographs cut out on white, and cartoons, with the sentences a child reads there."""
import re

from captions import with_article
from cuts import opened, rendered

PACKAGE = "tuxpaint-stamps-default"


def sentence(file):
    """The first sentence beside a stamp, without its end; "" where there is none or a long one."""
    beside = file.with_suffix(".txt")
    if not beside.exists():
        return ""
    line = beside.read_text(encoding="utf-8").split("\n")[0].strip()
    line = re.split(r"(?<=[a-z])[.!?](?:\s|$)", re.sub(r'\(.*?\)|[“”"]', "", line))[0].strip(" .!?")
    if not line or len(line) > 90:
        return ""
    proper = re.search("/(town|money)/", str(file))
    line = line[0].lower() + line[1:] if proper else line.lower()
    return line if line.startswith(("a ", "an ", "the ", "some ")) else with_article(line)


def stamps(packages):
    """Yields (picture, caption, package, name)."""
    root = packages.path(PACKAGE, "usr/share/tuxpaint/stamps")
    for file in sorted(root.rglob("*.*g")):
        letters = re.search("/symbols/(alpha|math|letters)|_mirror|_flip", str(file))
        if file.suffix not in (".png", ".svg") or letters or file.is_symlink():
            continue
        noun = sentence(file)
        picture = (rendered(file) if file.suffix == ".svg" else opened(file)) if noun else None
        if picture:
            kind = "cartoon" if "cartoon" in str(file) or file.suffix == ".svg" else "photo"
            yield picture, f"{kind} of {noun} on white", PACKAGE, noun
