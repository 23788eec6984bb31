"""Small random text towers, autoencoders and UNets of every kind, with what diffusers and transformers compute on them.

  python modules.py     writes Tests/ModelsTests/Golden/{text,vae,unet}
"""
import sys

import torch
from diffusers import AutoencoderKL, LatentConsistencyModelPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from common import TESTS, fresh, randomize, save_component, save_io

sys.path.insert(0, str(TESTS.parent / "Examples/train"))
from networks import PatchAutoencoderKL

GOLDEN = TESTS / "ModelsTests/Golden"


def text(name, cls, prefix=True, seed=1, **config):
    config = CLIPTextConfig(
        vocab_size=99, hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=16, bos_token_id=97, eos_token_id=98, pad_token_id=98, projection_dim=24, **config)
    model = randomize(cls(config), seed)
    ids = torch.randint(0, 97, (2, 16), generator=torch.Generator().manual_seed(seed))
    ids[:, 0] = 97
    ids[0, 9:] = 98
    ids[1, 15] = 98
    with torch.no_grad():
        out = model(ids, output_hidden_states=True)
    pooled = out.text_embeds if hasattr(out, "text_embeds") else out.pooler_output
    folder = GOLDEN / "text" / name
    bare = lambda key: key.removeprefix("text_model.")
    projected = lambda key: key.startswith("text_projection")
    rename = (lambda k: k if projected(k) else "text_model." + bare(k)) if prefix else bare
    extra = {"text_model.embeddings.position_ids": torch.arange(16)[None]} if prefix else None
    save_component(model, folder, rename, extra)
    save_io(folder, ids=ids.int(), last=out.last_hidden_state, penultimate=out.hidden_states[-2], pooled=pooled)


def vae(name, size, channels, rename=lambda k: k, squeeze=False, seed=2, cls=AutoencoderKL, ups=None, **config):
    """ups: levels of the decoder, where it has not as many as the encoder."""
    n = len(channels)
    model = randomize(cls(
        block_out_channels=channels, down_block_types=["DownEncoderBlock2D"] * n,
        up_block_types=["UpDecoderBlock2D"] * (ups or n), latent_channels=4, norm_num_groups=4, **config), seed)
    generator = torch.Generator().manual_seed(seed)
    picture = torch.rand(1, 3, *size, generator=generator) * 2 - 1
    with torch.no_grad():
        posterior = model.encode(picture).latent_dist
        latents = posterior.mean * model.config.scaling_factor
        decoded = model.decode(posterior.mean).sample
    folder = GOLDEN / "vae" / name
    save_component(model, folder, rename)
    if squeeze:
        from safetensors.torch import load_file, save_file
        file = next(folder.glob("*.safetensors"))
        as_convolution = lambda k, v: v[:, :, None, None] if "attentions" in k and v.ndim == 2 else v
        save_file({k: as_convolution(k, v).contiguous() for k, v in load_file(file).items()}, file)
    save_io(folder, picture=picture, mean=posterior.mean, logvar=posterior.logvar, latents=latents, decoded=decoded)


def old_names(key):
    for new, old in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
        if "attentions" in key:
            key = key.replace(new, old)
    return key


def unet(name, size, timesteps=(999.0, 21.5), tokens=7, label=None, seed=3, micro=None, guidance=None, **config):
    """micro: rows of numbers that are embedded with a pooled text; guidance: its strength, where the network is told it."""
    model = randomize(UNet2DConditionModel(norm_num_groups=4, **config), seed, gain=1.2)
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn(2, model.config.in_channels, *size, generator=generator)
    context = torch.randn(2, tokens, model.config.cross_attention_dim, generator=generator)
    labels = None if label is None else torch.tensor([label])
    outputs, extra, more = {}, {}, {}
    if micro is not None:
        pooled = model.config.projection_class_embeddings_input_dim - len(micro[0]) * model.config.addition_time_embed_dim
        extra |= dict(pooled=torch.randn(2, pooled, generator=generator), micro=torch.tensor(micro))
        more["added_cond_kwargs"] = dict(text_embeds=extra["pooled"], time_ids=extra["micro"])
    if guidance is not None:
        extra["guidance"] = torch.tensor([guidance])
        embed = LatentConsistencyModelPipeline.get_guidance_scale_embedding
        more["timestep_cond"] = embed(None, torch.tensor([guidance - 1]), model.config.time_cond_proj_dim)
    with torch.no_grad():
        for i, t in enumerate(timesteps):
            outputs[f"output.{i}"] = model(latents, torch.tensor(t), context, class_labels=labels, **more).sample
    folder = GOLDEN / "unet" / name
    save_component(model, folder)
    extra |= {} if label is None else {"label": torch.tensor([label], dtype=torch.int32)}
    save_io(folder, latents=latents, context=context, timesteps=torch.tensor(timesteps), **extra, **outputs)


def main():
    fresh(GOLDEN / "text"), fresh(GOLDEN / "vae"), fresh(GOLDEN / "unet")
    text("quick-gelu", CLIPTextModel, hidden_act="quick_gelu")
    text("gelu-bare", CLIPTextModel, prefix=False, hidden_act="gelu")
    text("projection", CLIPTextModelWithProjection, hidden_act="gelu")

    vae("sd1", (32, 48), (8, 8, 12, 16), layers_per_block=2)
    vae("built-in", (36, 20), (8, 12, 16), cls=PatchAutoencoderKL, ups=1, decoder_block_out_channels=(16,),
        decoder_layers_per_block=2)
    vae("halves", (20, 28), (8, 12, 16), cls=PatchAutoencoderKL, ups=2, decoder_block_out_channels=(8, 16),
        layers_per_block=2, decoder_layers_per_block=1, scaling_factor=0.5)
    vae("plain", (36, 20), (8, 12, 16), layers_per_block=1, mid_block_add_attention=False, scaling_factor=1.0)
    vae("old-names", (16, 16), (8, 16), rename=old_names, squeeze=True, layers_per_block=1)
    vae("no-quant", (16, 24), (8, 16), layers_per_block=1, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.1)

    cross, plain = ["CrossAttnDownBlock2D"], ["DownBlock2D"]
    cross_up, plain_up = ["CrossAttnUpBlock2D"], ["UpBlock2D"]
    unet("sd1", (16, 24), block_out_channels=(8, 16, 16, 16), down_block_types=cross * 3 + plain,
         up_block_types=plain_up + cross_up * 3, layers_per_block=2, cross_attention_dim=20, attention_head_dim=4)
    unet("sd2", (8, 16), block_out_channels=(8, 16, 16), down_block_types=cross * 2 + plain,
         up_block_types=plain_up + cross_up * 2, layers_per_block=1, cross_attention_dim=20,
         attention_head_dim=[2, 4, 4], use_linear_projection=True, upcast_attention=True)
    unet("built-in", (16, 16), in_channels=9, block_out_channels=(8, 12, 16), down_block_types=plain + cross * 2,
         up_block_types=cross_up * 2 + plain_up, layers_per_block=1, cross_attention_dim=16,
         attention_head_dim=[2, 3, 4], use_linear_projection=True)
    unet("upscaler", (16, 12), label=5, in_channels=7, block_out_channels=(8, 12, 16), down_block_types=plain * 3,
         up_block_types=plain_up * 3, mid_block_type="UNetMidBlock2D", layers_per_block=1, num_class_embeds=50)
    unet("x4-upscaler", (16, 16), label=20, in_channels=7, block_out_channels=(8, 12, 16), down_block_types=plain + cross * 2,
         up_block_types=cross_up * 2 + plain_up, layers_per_block=2, cross_attention_dim=20, attention_head_dim=4,
         num_class_embeds=50, only_cross_attention=[True, True, False], use_linear_projection=True)
    unet("deep", (8, 8), block_out_channels=(8, 16), down_block_types=plain + cross, up_block_types=cross_up + plain_up,
         layers_per_block=2, cross_attention_dim=20, attention_head_dim=[2, 4], transformer_layers_per_block=[1, 2],
         use_linear_projection=True)
    unet("odd", (13, 11), block_out_channels=(8, 12, 16), down_block_types=cross * 2 + plain,
         up_block_types=plain_up + cross_up * 2, layers_per_block=1, cross_attention_dim=20, attention_head_dim=4)
    xl = dict(block_out_channels=(8, 16, 16), use_linear_projection=True, cross_attention_dim=20, layers_per_block=1,
              addition_embed_type="text_time", addition_time_embed_dim=8)
    unet("sdxl", (8, 12), micro=[[1024.0, 768, 0, 0, 1024, 768], [512.0, 768, 10, 20, 1024, 768]],
         down_block_types=plain + cross * 2, up_block_types=cross_up * 2 + plain_up, attention_head_dim=[2, 4, 4],
         transformer_layers_per_block=[1, 2, 3], projection_class_embeddings_input_dim=12 + 6 * 8, **xl)
    unet("sdxl-refiner", (8, 8), micro=[[1024.0, 1024, 0, 0, 2.5], [1024.0, 1024, 0, 0, 6]],
         down_block_types=plain + cross + plain, up_block_types=plain_up + cross_up + plain_up, attention_head_dim=[2, 4, 4],
         transformer_layers_per_block=2, projection_class_embeddings_input_dim=12 + 5 * 8, **xl)
    unet("lcm", (8, 8), guidance=8.5, block_out_channels=(8, 16), down_block_types=cross + plain,
         up_block_types=plain_up + cross_up, layers_per_block=1, cross_attention_dim=20, attention_head_dim=4,
         time_cond_proj_dim=16)


if __name__ == "__main__":
    main()
