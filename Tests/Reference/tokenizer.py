"""Odd strings through transformers' CLIPTokenizer, for Tests/ModelsTests/TokenizerTests.swift.

  python tokenizer.py     writes Tests/ModelsTests/Golden/tokenizer

`small/` is a vocabulary of a few merges as vocab.json and merges.txt, `small-json/` the same as transformers 5 saves it
(tokenizer.json alone). golden.json has the ids of each text, without the tokens around it, by `small` and by the built-in
model's vocabulary, and some padded rows. To be run again when the built-in vocabulary changes.
"""
import json
import random

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

from common import TESTS, fresh, write_json

FOLDER = TESTS / "ModelsTests/Golden/tokenizer"
BUILT_IN = TESTS.parent / "Sources/BuiltInModel/model/base/tokenizer"
START, END = "<|startoftext|>", "<|endoftext|>"
WRITTEN = [
    "", " ", "\n\t ", "a", "a red apple", "A Red APPLE!", "  leading and trailing  ", "two  spaces   three",
    "it's I'M don't", "they're we've I'd she'll 'twas", "O'Brien's", "'s 't 're 've 'm 'll 'd", "'S 'T 'RE", "it\u2019s",
    "rock'n'roll", "''s", "'", "'''", "x'lly", "dogs' tails", "1'd", "1234 3d", "3.14159", "1,000,000", "0x1F", "a1b2c3",
    "\u00bd cup, \u00b2 \u00b3 \u2460 \u2167", "\u0661\u0662\u0663", "\u0967\u0968", "\U0001d7d8\U0001d7d9", "\u3007\u5341",
    "\u2603\ufe0f snow\u200dman \u65e5\u672c\u8a9e", "na\u00efve\u2014dash\u2026", "nai\u0308ve", "e\u0301a\u0300o\u0302",
    "\u0130stanbul I\u0131", "\u03a3\u03a3 \u039f\u03a3", "Stra\u00dfe \u1e9e", "\ufb01ne \ufb03", "\u2126 \u212b \u212a", "\u01c5 \u01c4",
    "\u1100\u1161\u11a8 \uac01", "Z\u0335\u0321a\u0337l\u0338g\u0334o\u0335", "\u0301alone", "a\u0315\u0300\u05ae\u0062",
    "\u00a0nbsp\u00a0nbsp", "\u3000wide\u3000", "a\u2028b\u2029c", "a\u0085b", "a\u000bb\u000cc\rd", "a\u1680b\u2003c\u202fd\u205fe",
    "zero\u200bwidth\u200cjoin\u200der\ufeff", "\u180emongol", "soft\u00adhyphen", "rtl\u200f\u202emark",
    "\u0000\u0007 a", "\u001b[31mred\u001b[0m", "\u007f\u0080\u009f", "a\u001cb\u001db\u001ec\u001fd",
    "\ue000private\uf8ff", "\ufffe\uffff\U0001fffe", "\ufffd", "\u0378unassigned", "\U000e0041\U000e0042tags",
    "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea\U0001f1fa\U0001f1f8", "1\ufe0f\u20e3", "\U0001f44b\U0001f3fd",
    "cat\U0001f431dog\U0001f436", "\u2764\ufe0f\u200d\U0001f525", "\u270c", "\U0001fae0 \U0001fabf",
    "\u041f\u0440\u0438\u0432\u0435\u0442 \u041c\u0418\u0420", "\u0393\u03b5\u03b9\u03b1 \u03c3\u03bf\u03c5", "\u05e9\u05c1\u05dc\u05d5\u05dd", "\u0645\u064e\u0631\u062d\u0628\u0627",
    "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\u0b95\u0bcd\u0bb7", "\u10d2\u10d0\u10db\u10d0\u10e0\u10ef\u10dd\u10d1\u10d0", "\u13a3\u13b3\u13a9", "\u1c90\u1c91",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01", "\u3053\u3093\u306b\u3061\u306f\u30ab\u30bf\u30ab\u30ca\u30fc", "\uff21\uff22\uff43\uff11\uff12", "\ud55c\uad6d\uc5b4", "\U00020000\U0002a6d6",
    "\U0001d49c\U0001d4b7 \U0001d400", "\u02b0\u02b1 \u00aa \u00ba", "\U00010400\U00010428 Deseret", "\u16a0\u16a2", "\u00b5 \u03bc",
    START, END, START + END, f"a {END} b", f"x{START}y", f"{END}{END} {END}", "<|startoftext|", "<|ENDOFTEXT|>", "<|endof text|>",
    f"'{END}s", f"A\u0301{END}\u0301", f" {START} ", "<|endoftext|>'s", "<<|endoftext|>>",
    "&amp; <b>", "&lt;p&gt;&quot;&#39;", "https://example.com/a?b=c&d=%20#e", "user@example.org", "C:\\path\\file.txt",
    "hello_world snake__case", "camelCase", "a-b--c---d", "(1girl:1.2), [best quality], {art}", "a AND b BREAK c",
    "wow!!! what?! ...", "\u201cquoted\u201d \u00abtext\u00bb", "$5 \u20ac6 \u00a37 \u00a58", "50% off #1 @home", "x=y+z*w/v^2", "\u2200x\u2208\u211d: \u221ax\u22650",
    "a" * 80, "ab " * 60, "!" * 90, "\U0001f600" * 30, "supercalifragilisticexpialidocious", "house houses housing", "apple apples applered",
    "hOuSe", "redred red", "\t red \n apple \r\n", "a.b.c.", ".a", "a .b", "- - -", "\u2013\u2014\u2015", "\u00bfQu\u00e9? \u00a1S\u00ed!",
    "\u1e69 s\u0323\u0307 s\u0307\u0323", "\u0958 \u0915\u093c", "\u2000\u2001", "\u0344 \u0374 \u037e \u0387", "\ufa0c\uf900", "\u1fee \u1fef",
]
POOL = ["a", "B", "red", " ", "  ", "'", "'s", "1", "23", "\u00e9", "e\u0301", "\u0308", "\U0001f431", "\u200d", "\ufe0f", "\u65e5", "\u3000", "\n", ".", "!?", "_", "-",
        "\u0130", "\u03a3", "\u2167", "\u00b2", "\u0000", "\u00a0", "\u0e31", "\u1100", "\u1161", "<|", "|>", END, START, "house", "&amp;", "\u00df", "\u200b"]


def texts():
    rng = random.Random(1)
    mixed = ["".join(rng.choices(POOL, k=rng.randint(2, 12))) for _ in range(70)]
    return WRITTEN + mixed


def model(name):
    """The tokenizer's folder in one that is taken for a model."""
    (FOLDER / name / "tokenizer").mkdir(parents=True)
    (FOLDER / name / "scheduler").mkdir()
    write_json(FOLDER / name / "scheduler/scheduler_config.json", {})
    return FOLDER / name / "tokenizer"


def small():
    alphabet = sorted(ByteLevel.alphabet())
    merges = ["a p", "ap p", "l e</w>", "app le</w>", "r e", "re d</w>", "h o", "ho u", "s e</w>", "hou se</w>", "' s</w>",
              "! !", "! !</w>", "!! !!", "\u00c3 \u00a9</w>", "\u00e6 \u0139", "a b", "a b</w>", "ab ab"]
    tokens = alphabet + [b + "</w>" for b in alphabet] + [m.replace(" ", "") for m in merges] + [START, END]
    folder = model("small")
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(dict.fromkeys(tokens))}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    return folder


def load(folder, length, pad):
    special = dict(bos_token=START, eos_token=END, unk_token=END, pad_token=pad)
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=length, **special), special


def main():
    fresh(FOLDER)
    tokenizer, special = load(small(), 12, "!")
    config = dict(tokenizer_class="CLIPTokenizer", model_max_length=12, **special)
    write_json(FOLDER / "small/tokenizer/tokenizer_config.json", config)
    folder = model("small-json")
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    # Newer files spell special tokens out as objects.
    write_json(folder / "tokenizer_config.json", config | {
        key: dict(content=value, lstrip=False, rstrip=False, single_word=False) for key, value in special.items()})
    built_in, _ = load(BUILT_IN, 32, END)
    bare = lambda t, text: t(text, add_special_tokens=False)["input_ids"]
    rows = [dict(text=text, small=bare(tokenizer, text), built_in=bare(built_in, text)) for text in texts()]
    padded = [dict(text=text, ids=tokenizer(text, padding="max_length", truncation=True)["input_ids"])
              for text in ("", "a red apple", "house " * 20, "!" * 90, END)]
    lines = ",\n".join(json.dumps(row) for row in rows)
    (FOLDER / "golden.json").write_text(
        '{"rows": [\n' + lines + '\n], "padded": [\n' + ",\n".join(json.dumps(p) for p in padded) + "\n]}\n")


if __name__ == "__main__":
    main()
