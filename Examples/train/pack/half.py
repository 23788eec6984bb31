"""One half of the pack, drawings or photographs: numbered pictures and a table of captions."""
import collections
import shutil

from cuts import QUALITY


class Half:
    """Writes OUT/{train,val}/KIND/NNNNN.webp, from empty folders, and OUT/KIND-captions.tsv (path, caption, source, licence)."""

    def __init__(self, out, kind, first):
        self.out, self.kind, self.lines = out, kind, []
        self.count = collections.Counter(train=first, val=first)
        for split in ("train", "val"):
            shutil.rmtree(out / split / kind, ignore_errors=True)
            (out / split / kind).mkdir(parents=True)

    def add(self, picture, held_out, caption, source, licence):
        split = "val" if held_out else "train"
        path = f"{split}/{self.kind}/{self.count[split]:05d}.webp"
        self.count[split] += 1
        picture.save(self.out / path, quality=QUALITY, method=4)
        self.lines.append("\t".join((path, caption, source, licence)) + "\n")

    def finish(self):
        (self.out / f"{self.kind}-captions.tsv").write_text("".join(self.lines), encoding="utf-8")
