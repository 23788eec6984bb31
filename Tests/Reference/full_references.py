"""What diffusers' pipelines, and for two models CompVis' networks, make of a model that full_models.py wrote: the other
side of families.py."""
import functools

import numpy as np
import torch
from PIL import Image

from full_models import COMPVIS, compvis, write_checkpoint, write_folder

#: Families whose single files diffusers reads, by the pipeline that does.
READS_SINGLE = {
    "sd1": "StableDiffusionPipeline", "sd1-inpainting": "StableDiffusionInpaintPipeline",
    "sd2-base": "StableDiffusionPipeline", "sd2": "StableDiffusionPipeline",
    "sd2-inpainting": "StableDiffusionInpaintPipeline", "x4-upscaler": "StableDiffusionUpscalePipeline",
    "sdxl": "StableDiffusionXLPipeline", "sdxl-inpainting": "StableDiffusionXLInpaintPipeline",
    "sdxl-refiner": "StableDiffusionXLImg2ImgPipeline"}


def write(name, model):
    (write_checkpoint if name in COMPVIS else write_folder)(name, model)


class Recorder:
    """What a scheduler is given and gives."""

    def __init__(self, scheduler):
        self.outputs, self.latents, step = [], [], scheduler.step

        @functools.wraps(step)
        def recorded(output, *arguments, **named):
            result = step(output, *arguments, **named)
            self.outputs.append(output)
            self.latents.append(result[0] if isinstance(result, tuple) else result.prev_sample)
            return result
        scheduler.step = recorded

    def save(self, folder, picture):
        np.savez(folder / "reference.npz", calls=len(self.outputs), output=self.outputs[0].numpy(),
                 latents=self.latents[-1].numpy(), picture=np.asarray(picture).astype(np.int16))


def quiet():
    import diffusers
    import transformers
    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.set_verbosity_error()
        library.disable_progress_bar()


def load(model, **parts):
    from diffusers import DiffusionPipeline
    quiet()
    pipe = DiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32, local_files_only=True, **parts)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def run(name, model, folder, steps):
    """Writes reference.npz."""
    (run_compvis if name in COMPVIS else run_diffusers)(name, model, folder, steps)


@torch.no_grad()
def run_diffusers(name, model, folder, steps):
    import families
    task, size, guidance, _ = families.FAMILIES[name]
    image, hole = Image.open(folder / "in.png"), Image.open(folder / "mask.png")
    words = dict(prompt=families.PROMPT, negative_prompt=families.NEGATIVE, guidance_scale=guidance)
    none = dict(safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    if name.startswith("sdxl"):
        parts, words = encoded_text(model, words)
    else:
        parts = dict(none) if task in ("txt2img", "inpaint") else {}
    if name == "sd2-depth":
        parts = dict(depth_estimator=None, feature_extractor=None)
    arguments = {"txt2img": dict(height=size, width=size),
                 "inpaint": dict(image=image, mask_image=hole, height=size, width=size, strength=1.0),
                 "img2img": dict(image=image, strength=0.8), "upscale": dict(image=image)}[task]
    if name.startswith("ldm"):
        parts = {}
        words = dict(prompt=families.PROMPT, guidance_scale=guidance) if name.startswith("ldm-text") else {}
        arguments = {} if name == "ldm" else arguments
        if name == "ldm-text-vq":
            arguments = dict(height=2 * size, width=2 * size)  # the pipeline takes f8 for granted
    elif name == "lcm":
        del words["negative_prompt"]
    elif name == "sd2-depth":
        arguments["depth_map"] = torch.from_numpy(np.asarray(Image.open(folder / "depth.png")).astype(np.float32))[None]
    elif name == "x4-upscaler":
        arguments["noise_level"] = 20
    pipe = load(model, **parts)
    record = Recorder(pipe.scheduler)
    picture = pipe(num_inference_steps=steps, generator=torch.Generator("cpu").manual_seed(families.SEED), **words, **arguments)
    record.save(folder, picture.images[0])


def encoded_text(model, words):
    """SDXL's towers first and alone: 14 GB with the UNet beside them."""
    parts = dict(text_encoder=None, text_encoder_2=None, tokenizer=None, tokenizer_2=None)
    pipe = load(model, unet=None, vae=None)
    named = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
    found = pipe.encode_prompt(words["prompt"], negative_prompt=words["negative_prompt"], do_classifier_free_guidance=True)
    return parts, dict(zip(named, found), guidance_scale=words["guidance_scale"])


@torch.no_grad()
def run_compvis(name, model, folder, steps):
    """CompVis' scripts, with their DDIM as diffusers has it: the last class is what guidance steers away from; to inpaint,
    the hole is black and the mask -1 and 1."""
    from diffusers import DDIMScheduler
    import families
    guidance, options = families.FAMILIES[name][2], COMPVIS[name]
    state = torch.load(model, weights_only=True)["state_dict"]
    unet, first, table = compvis(name)
    averages = {"model_ema.diffusion_model" + k.replace(".", ""): k for k in unet.state_dict()}
    if "averages" in options:
        unet.load_state_dict({k: state[a] for a, k in averages.items()})
    start, end = options["betas"]
    scheduler = DDIMScheduler(beta_start=start, beta_end=end, beta_schedule="scaled_linear", clip_sample=False,
                              set_alpha_to_one=False, steps_offset=1)
    scheduler.set_timesteps(steps)
    record = Recorder(scheduler)
    generator = torch.Generator("cpu").manual_seed(families.SEED)
    channels = []
    if name == "ldm-inpainting":
        pixels = lambda file: torch.from_numpy(np.array(Image.open(folder / file))).float() / 255
        x, hole = pixels("in.png").permute(2, 0, 1)[None], (pixels("mask.png") >= 0.5).float()[None, None]
        kept = first.encode((1 - hole) * x * 2 - 1)
        channels = [kept, torch.nn.functional.interpolate(hole * 2 - 1, size=kept.shape[-2:])]
    size = options["unet"]["image_size"]
    z = torch.randn(1, options["first"]["z_channels"], size, size, generator=generator)
    for t in scheduler.timesteps:
        x = torch.cat([z, *channels], 1)
        if table is None:
            output = unet(x, t[None])
        else:
            rows = 7, families.UNWANTED.get(name, 1000)
            with_, without = (unet(x, t[None], context=table.weight[row][None, None]) for row in rows)
            output = without + guidance * (with_ - without)
        z = scheduler.step(output, t, z).prev_sample
    picture = (255 * (first.decode(z / options.get("factor", 1)) / 2 + 0.5).clamp(0, 1))[0].permute(1, 2, 0).round()
    record.save(folder, picture.numpy())


def check_single(name, path, model, out):
    """Whether diffusers finds the folder's tensors in the single file."""
    import diffusers
    quiet()
    none = dict(safety_checker=None, feature_extractor=None) if name.startswith("sd1") or name.startswith("sd2") else {}
    pipe = getattr(diffusers, READS_SINGLE[name]).from_single_file(
        str(path), config=str(model), local_files_only=True, torch_dtype=torch.float16, **none)
    from safetensors import safe_open
    wrong, count = [], 0
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        found = getattr(pipe, part, None)
        if found is None:
            continue
        state = {k.removeprefix("text_model."): v for k, v in found.state_dict().items()}
        with safe_open(next((model / part).glob("*.safetensors")), "pt") as expected:
            for key in expected.keys():
                if key.endswith("position_ids"):
                    continue
                count += 1
                tensor = state.get(key.removeprefix("text_model."))
                if tensor is None or not torch.equal(tensor.half(), expected.get_tensor(key)):
                    wrong.append(f"{part} {key}")
    out.write_text("reads it" if count and not wrong else f"DIFFERS in {len(wrong)} of {count}, as {wrong[:1]}")
