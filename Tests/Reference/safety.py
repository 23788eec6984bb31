"""A small random safety checker, what it makes of four pictures, and what CLIPImageProcessor makes of them before.

  python safety.py     writes Tests/ModelsTests/Golden/safety
"""
import numpy as np
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker, cosine_distance
from PIL import Image
from transformers import CLIPConfig
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from common import TESTS, fresh, randomize, save_component, save_io

FOLDER = TESTS / "ModelsTests/Golden/safety"
SIZES = [(90, 61), (20, 33), (32, 32), (41, 150)]  # height, width: shrunk, enlarged, as they are, cropped
FAR = 2.0  # no cosine comes near


def pictures():
    random = np.random.default_rng(5)
    for height, width in SIZES:
        small = Image.fromarray(random.integers(0, 256, (6, 7, 3), dtype=np.uint8))
        noise = random.integers(-20, 20, (height, width, 3))
        yield np.clip(np.asarray(small.resize((width, height), Image.BICUBIC)) + noise, 0, 255).astype(np.uint8)


def checker():
    vision = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8,
                  projection_dim=24)
    text = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=9)
    return randomize(StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision, text_config=text, projection_dim=24)), 7)


def set_thresholds(model, pixels):
    """Picture 0 is flagged only because special care lowers a threshold; 1 fails by half a thousandth; 2 is flagged; 3 is not."""
    embeds = model.visual_projection(model.vision_model(pixels)[1])
    away = embeds - embeds.mean(0)
    model.concept_embeds[:4] = away.half().float()
    model.special_care_embeds[1] = away[0].half().float()
    concepts, special = cosine_distance(embeds, model.concept_embeds), cosine_distance(embeds, model.special_care_embeds)
    model.concept_embeds_weights[:] = FAR
    model.special_care_embeds_weights[:] = FAR
    model.special_care_embeds_weights[1] = special[0, 1] - 0.1
    model.concept_embeds_weights[0] = concepts[0, 0] + 0.005
    model.concept_embeds_weights[1] = concepts[1, 1] - 0.0003
    model.concept_embeds_weights[2] = concepts[2, 2] - 0.0008
    return concepts, special


with torch.no_grad():
    fresh(FOLDER)
    model, images = checker(), list(pictures())
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    pixels = processor([Image.fromarray(i) for i in images], return_tensors="pt").pixel_values
    concepts, special = set_thresholds(model, pixels)
    _, flags = model(clip_input=pixels, images=[np.zeros((1, 1, 3)) for _ in images])
    assert flags == [True, False, True, False], flags
    thresholds = {f"{k}_embeds_weights": getattr(model, f"{k}_embeds_weights").detach() for k in ("concept", "special_care")}
    nested = lambda k: k.replace("vision_model.", "vision_model.vision_model.", 1) if "vision_model.vision_model" not in k else k
    save_component(model, FOLDER, nested, thresholds)
    processor.save_pretrained(FOLDER)
    tensor = lambda i: torch.from_numpy(i.copy()).permute(2, 0, 1)[None] / 127.5 - 1
    save_io(FOLDER, pixels=pixels, concepts=concepts, special=special, flags=torch.tensor(flags).int(),
            **{f"picture.{n}": tensor(i) for n, i in enumerate(images)})
