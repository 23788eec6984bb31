"""Emoji drawn by others than Noto, so that a name is learnt as the thing and not as one drawing of it. Their captions name
a style, so that those without one stay Noto's."""
import io
import re
from collections import namedtuple

from cuts import opened, rendered
from emoji import JOINER, VARIATION, concepts
from repositories import from_git, paths

Set = namedtuple("Set", "style repository revision path")  # the path holds the code points
NOT_RED = "(?!275[37])"  # the red question and exclamation mark, of another colour in the sets from before their names
SETS = [
    Set("flat", "13rac1/twemoji-color-font", "b85cc979dfcb4b70e90d56c684ab3eba00e5dce6", r"assets/twemoji-svg/([0-9a-f-]+)\.svg"),
    Set("outlined", "svgmoji/svgmoji", "fb4bf0c2e6188c0cf70642d2931e92b9b7b0ae65",
        r"packages/svgmoji__openmoji/svg/([0-9A-F-]+)\.svg"),
    Set("3d", "shuding/fluentui-emoji-unicode", "7a40f1a2d064d76e436813edc0f09b6c8cde5da8", r"assets/([0-9a-f-]+)_3d\.png"),
    Set("bright", "EmojiTwo/emojitwo", "311eff547b3ff4a61fdbae897dd09d41416048fc", rf"svg/({NOT_RED}[0-9a-f-]+)\.svg"),
    Set("simple", "mozilla/fxemoji", "270af343bee346d8221f87806d2b1eee0438431a", rf"svgs/\w+/u({NOT_RED}[0-9A-F]+)-\w+\.svg"),
]
# Of each side so much of what is empty is cut off: all sets are then about as large as Noto's, yet small squares stay small.
EMPTY = 0.1


def bare(codes):
    """Code points without those that show nothing: some sets leave them out of the files' names."""
    return tuple(code for code in codes if code not in (VARIATION, JOINER))


def files(found, work):
    """{code points: path} of a set."""
    matches = [re.fullmatch(found.path, path) for path in paths(found.repository, found.revision, work)]
    return {bare(int(code, 16) for code in match[1].split("-")): match[0] for match in matches if match}


def picture(found, path, work):
    """One emoji of a set, about as large as Noto's; None where it cannot be read."""
    data = from_git(found.repository, found.revision, path, work)
    drawn = rendered(data) if path.endswith(".svg") else opened(io.BytesIO(data))
    bounds = drawn and drawn.getbbox()
    if bounds:
        left, top, right, bottom = bounds
        cut = min(left, top, drawn.width - right, drawn.height - bottom, int(EMPTY * drawn.width))
        drawn = drawn.crop((cut, cut, drawn.width - cut, drawn.height - cut))
    return drawn


def emojisets(packages):
    """Yields (picture, caption, repository, name): the names of Noto's, but no flags of countries."""
    wanted = list(concepts(packages))
    for found in SETS:
        known = files(found, packages.folder)
        for codes, caption, name in wanted:
            path = None if name.startswith("flag: ") else known.get(bare(codes))
            drawn = path and picture(found, path, packages.folder)
            if drawn:
                short, *keywords = caption.split(", ")
                yield drawn, ", ".join([short, f"{found.style} style"] + keywords), found.repository, name
