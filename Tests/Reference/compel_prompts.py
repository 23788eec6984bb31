"""What compel makes of prompts: its parts with their weights, and the tokens of the small text tower of Golden/text.

Made with compel 2.5.1, torch 2.15.0, transformers 5.23.0:
    python3 compel_prompts.py     writes Tests/LatentDiffusionTests/Golden/compel
"""
import json

import torch
from compel import Compel
from compel.embeddings_provider import SplitLongTextMode
from compel.prompt_parser import Blend, PromptParser
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTokenizer

from common import TESTS, fresh

MODEL = TESTS / "LatentDiffusionTests/Golden/text/model"
FOLDER = fresh(TESTS / "LatentDiffusionTests/Golden/compel")
PARSED = [
    "a (red apple)1.3, house-", "cat+ dog++ f1.8 red-haired", '"a b"+ c', "a (b (c)1.2 d)0.5 e", "(a", "a (b = c) d",
    "x\\(y\\)z \\+", "a,b", "(a b) 1.3", "word.attend(1.3)", "word.attend(--) (x).attend(+) y", "", "   ", "a--b c++d e+f",
    "a+. b-, (c.)+!", "(a)(b)+", "((a)2)2", '"a (b)1.1 c"0.5', '"a \\"b\\" c"+', '"a', "(a.b, c)0.8", "don't+ it's",
    "1.5+ 2+", "(a)1.5.", "(a).5", "-a +b", "a - b + c", "(a (b)", "a) b+", "\u00e9+ \u65e5\u672c-", "(a\nb)+ c",
    '("a cat", "a dog").blend(0.7, 0.3)', '("a cat","a dog+").and()', '("a, b+", (c d)).and(1, 0.5)', '(a, b).blend(1,1,no_normalize)',
    '("a").blend(2)', "(a, b).bland(1, 2)", '("f1.8 x", y).blend(1, 3)', "((a b)+ c)++", "(a+)1.2 b"]
ENCODED = [
    "a red apple", "a red+ apple", "a red apple-", "a (red apple)1.5 house", "(red apple)0.5 house", "a red- house-- apple+",
    "(a red apple)0", "red (house)0.01", '("a red apple", "a house").blend(0.7, 0.3)', '("a red+ apple", "a house").blend(1, -0.5)',
    '("red", "apple+").and(1, 0.5)', "red red red red red red red red, red red red red red red apple",
    "red red red red. red red red red, red red red red (apple house)0.7 red", "red house red house red house red house red house red (house red house red apple)1.2 red"]


def pieces(prompt):
    return [[f.text, f.weight] for f in prompt.children]


rows = []
for text in PARSED:
    conjunction = PromptParser().parse_conjunction(text)
    parts = []
    for prompt, weight in zip(conjunction.prompts, conjunction.weights):
        texts = prompt.prompts if isinstance(prompt, Blend) else [prompt]
        shares = torch.tensor(prompt.weights if isinstance(prompt, Blend) else [1.0], dtype=torch.float64)
        shares = shares / shares.sum() if getattr(prompt, "normalize_weights", True) else shares
        parts.append({"texts": [pieces(t) for t in texts], "shares": shares.tolist(), "weight": weight})
    rows.append({"prompt": text, "parts": parts})
(FOLDER / "parsed.json").write_text(json.dumps(rows, ensure_ascii=False).replace('}, {"prompt', '},\n {"prompt') + "\n")

tokenizer = CLIPTokenizer.from_pretrained(MODEL / "tokenizer")
compel = Compel(
    tokenizer, CLIPTextModel.from_pretrained(MODEL / "text_encoder").eval(), truncate_long_prompts=False,
    split_long_text_mode=SplitLongTextMode.SENTENCES | SplitLongTextMode.COPY_FIRST_CLS_TOKEN)
save_file({str(i): compel(text).contiguous() for i, text in enumerate(ENCODED)}, FOLDER / "io.safetensors")
(FOLDER / "encoded.json").write_text(json.dumps(ENCODED, indent=1) + "\n")
