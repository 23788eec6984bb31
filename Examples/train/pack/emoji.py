"""Emoji from Noto Color Emoji, with the names and keywords of the Unicode consortium."""
import io
import re
import xml.etree.ElementTree as ET

from fontTools.ttLib import TTFont
from PIL import Image

from packages import digest

PACKAGE = "fonts-noto-color-emoji"
TONES = range(0x1F3FB, 0x1F400)  # of skin
VARIATION, JOINER, TAG = 0xFE0F, 0x200D, 0xE0067


class Font:
    def __init__(self, file):
        font = TTFont(file)
        self.characters = font.getBestCmap()
        self.pictures = {glyph: data.imageData for strike in font["CBDT"].strikeData for glyph, data in strike.items()
                         if hasattr(data, "imageData")}
        self.ligatures = {}
        for table in (t for lookup in font["GSUB"].table.LookupList.Lookup for t in lookup.SubTable):
            for first, ligatures in getattr(getattr(table, "ExtSubTable", table), "ligatures", {}).items():
                for ligature in ligatures:
                    self.ligatures[(first, *ligature.Component)] = ligature.LigGlyph

    def picture(self, codes):
        """PNG bytes of a sequence of code points; None where the font lacks it."""
        for variation in (False, True):
            glyphs = tuple(self.characters.get(c, "?") for c in codes if variation or c != VARIATION)
            glyph = glyphs[0] if len(glyphs) == 1 else self.ligatures.get(glyphs)
            if glyph in self.pictures:
                return self.pictures[glyph]
        return None


def keywords(packages):
    found = {}
    for folder in ("annotations", "annotationsDerived"):
        file = packages.path("unicode-cldr-core", f"usr/share/unicode/cldr/common/{folder}/en.xml")
        for annotation in ET.parse(file).iter("annotation"):
            if annotation.get("type") != "tts":
                found[annotation.get("cp")] = [word.strip().lower() for word in annotation.text.split("|")]
    return found


def wanted(codes, name):
    """One tone of skin and one sex of each person, no flags of regions: else a third of all would be the same few."""
    tones, base = [c for c in codes if c in TONES], re.sub(r":.*", "", name)
    if tones and (len(tones) > 1 or tones[0] != TONES[0] + digest(base) % 5):
        return False
    if tones and re.match(r"(man|woman)\b", base) and len(codes) > 2 and JOINER in codes:
        return digest(re.sub(r"^(man|woman)", "", base)) % 2 == base.startswith("w")
    return TAG not in codes


def concepts(packages):
    """Yields (code points, caption, name) of each emoji that is wanted."""
    words = keywords(packages)
    lines = packages.path("unicode-data", "usr/share/unicode/emoji/emoji-test.txt").read_text(encoding="utf-8")
    for match in re.finditer(r"^([0-9A-F ]+); fully-qualified\s+# \S+ E[\d.]+ (.*)", lines, re.M):
        codes, name = [int(code, 16) for code in match[1].split()], match[2].strip().lower()
        if not wanted(codes, name):
            continue
        caption = re.sub("[“”]", "", name.replace("flag: ", "flag of ").replace(":", ","))
        known = words.get("".join(chr(c) for c in codes if c != VARIATION), [])
        more = [word for word in known if word not in caption and re.fullmatch(r"[a-z \-]+", word)][:3]
        yield codes, ", ".join(["emoji of " + caption] + more), name


def emoji(packages):
    """Yields (picture, caption, package, name)."""
    font = Font(packages.path(PACKAGE, "usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"))
    for codes, caption, name in concepts(packages):
        png = font.picture(codes)
        if png:
            yield Image.open(io.BytesIO(png)), caption, PACKAGE, name
