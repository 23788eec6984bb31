"""Words of file names and titles to captions."""
import re


def tidy(text):
    """A title in small letters, without suffixes of files, brackets, authors or digits."""
    text = re.sub(r"\.(svg|png|xcf|ai)\b", " ", text, flags=re.I)
    text = re.sub(r"\([^)]*\)|\b(by|from) [A-Z].*$", " ", text)
    text = re.sub(r"([a-z])([A-Z])", r"\1 \2", text)
    return re.sub(r"\s+", " ", re.sub(r"[^A-Za-z' ]+", " ", text).lower()).strip(" '")


def with_article(noun):
    """"a house", "an owl"; a plural as it is."""
    if re.search(r"(?<!s)s$", noun.split(" with ")[0].split(" of ")[0]) or noun.startswith(("a ", "an ", "the ")):
        return noun
    return ("an " if re.match("[aeio]|u(?!ni)", noun) else "a ") + noun
