"""Icons of desktop themes, with the words of their files' names."""
import re

from captions import with_article
from cuts import opened, rendered
from packages import digest

MOST = 2000
THEMES = [
    ("oxygen-icon-theme", "oxygen/base/256x256"), ("oxygen-icon-theme", "oxygen/base/128x128"),
    ("gnome-icon-theme", "gnome/256x256"), ("mate-icon-theme", "mate/256x256"), ("tango-icon-theme", "Tango/scalable"),
    ("moka-icon-theme", "Moka/256x256"), ("papirus-icon-theme", "Papirus/64x64"),
    ("elementary-xfce-icon-theme", "elementary-xfce/*/128"), ("faenza-icon-theme", "Faenza/*/scalable")]
KINDS = ("apps", "places", "devices", "emotes", "categories", "mimetypes", "emblems", "status", "actions", "applets", "mimes")
INSTEAD = dict.fromkeys(["gtk", "gnome", "mate", "stock", "accessories", "x", "application", "applications", "emblem",
                         "symbolic", "generic"], "") | {"preferences": "settings for"}
FIRST = {"camera", "input", "drive", "folder", "network", "user", "audio", "video"}  # "camera web" is a web camera
COLORS = {"black", "blue", "brown", "cyan"}


def words(file, kind):
    split = re.split(r"[-_. +]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", file.stem).lower())
    found = " ".join(INSTEAD.get(w, w) for w in split if not w.isdigit()).split()
    if kind == "emotes" and found[:1] == ["face"]:
        return found[1:] + ["face"]
    if kind in ("devices", "places") and len(found) == 2 and found[0] in FIRST:
        return found[1:] + found[:1]
    return found


def wanted(file, theme, kind, name, english):
    """Named in English, and few of a kind of which there are many."""
    if not name or len(name) > 5 or any(w not in english for w in name):
        return False
    if theme.startswith(("papirus", "moka")) and kind == "apps" and (len(name) < 2 and digest(name[0]) % 3):
        return False
    repeated = kind == "mimetypes" or name[-1] in COLORS and digest(str(file)) % 4
    return not (theme.startswith("papirus") and repeated)


def icons(packages):
    """Yields (picture, caption, package, name)."""
    count = 0
    for theme, folder in THEMES:
        root = packages.path(theme, "usr/share/icons")
        for file in sorted(root.glob(f"{folder}/**/*.*")):
            if file.is_symlink() or file.suffix not in (".png", ".svg") or re.search("/(web|stock|animations|unity)/", str(file)):
                continue
            if count == MOST:
                return
            kind = next((k for k in KINDS if f"/{k}/" in str(file)), "")
            name = words(file, kind)
            if not wanted(file.relative_to(root), theme, kind, name, packages.english):
                continue
            picture = rendered(file) if file.suffix == ".svg" else opened(file)
            if picture:
                count += 1
                noun = " ".join(dict.fromkeys(name)) + {"mimetypes": " file", "emblems": " emblem"}.get(kind, "")
                yield picture, "icon of " + with_article(noun), theme, noun
