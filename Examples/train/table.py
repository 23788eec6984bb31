"""captions.tsv of a pack of pictures: path, caption, source, licence."""


def captions(pack):
    """{path of a picture, in the pack: its caption}"""
    with open(pack / "captions.tsv", encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split("\t")[:2] for line in lines)
