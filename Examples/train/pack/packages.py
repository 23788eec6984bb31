"""Debian packages, fetched and unpacked but not installed."""
import functools
import hashlib
import subprocess
from pathlib import Path

# Each package and repository with the licence that its copyright file, or LICENSE, states for the pictures.
PICTURES = {
    "fonts-noto-color-emoji": "Apache-2.0 AND OFL-1.1",
    "openclipart-png": "public domain",
    "openclipart-svg": "public domain",
    "oxygen-icon-theme": "LGPL-3+",
    "gnome-icon-theme": "GPL-2+ or GPL-3+",
    "mate-icon-theme": "LGPL-3+ or CC-BY-SA",
    "tango-icon-theme": "public domain",
    "faenza-icon-theme": "GPL-3+",
    "moka-icon-theme": "CC-BY-SA-4.0 or GPL-3+",
    "papirus-icon-theme": "GPL-3",
    "elementary-xfce-icon-theme": "GPL-2+",
    "tuxpaint-stamps-default": "GPL-2",
    "13rac1/twemoji-color-font": "CC-BY-4.0",
    "svgmoji/svgmoji": "CC-BY-SA-4.0",  # of OpenMoji, the only set taken from it
    "shuding/fluentui-emoji-unicode": "MIT",
    "EmojiTwo/emojitwo": "CC-BY-4.0",
    "mozilla/fxemoji": "CC-BY-4.0",
}
WORDS = {"unicode-cldr-core": "Unicode-DFS-2016", "unicode-data": "Unicode-DFS-2016", "wamerican": "public domain"}


class Packages:
    """Packages under one folder, each fetched when it is first asked for."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def path(self, package, inside=""):
        """A file or folder of a package."""
        tree = self.folder / "tree" / package
        if not tree.exists():
            archive = self.folder / "deb" / package
            archive.mkdir(parents=True, exist_ok=True)
            subprocess.run(["apt-get", "download", "-q", package], cwd=archive, check=True)
            unfinished = tree.with_suffix(".part")
            unfinished.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["dpkg-deb", "-x", next(archive.glob("*.deb")), unfinished], check=True)
            unfinished.rename(tree)
        return tree / inside

    @functools.cached_property
    def english(self):
        """The words of a dictionary, in small letters."""
        file = self.path("wamerican", "usr/share/dict/american-english")
        return {word.strip().lower() for word in file.read_text(encoding="utf-8").splitlines()}


def digest(text):
    """A number from a text, the same on every machine: what is kept or held out does not depend on the order."""
    return int(hashlib.sha1(text.encode()).hexdigest(), 16)
