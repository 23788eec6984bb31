"""Small random networks of the families beside Stable Diffusion, with what diffusers and transformers compute on them:
autoencoders with a codebook, tiny ones, UNets that read no text, the text transformer of 2021.

  python family_modules.py     writes Tests/ModelsTests/Golden/families
"""
import json

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DModel, VQModel
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertConfig, LDMBertModel
from transformers import BertTokenizer

from common import TESTS, fresh, randomize, save_component, save_io, write_json

GOLDEN = TESTS / "ModelsTests/Golden/families"


def draw(*shape, seed=5):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def autoencoder(name, model, size, seed=4, **config):
    """Latents as the UNet knows them are those of the model, scaled."""
    model = randomize(model(**config), seed)
    picture = draw(1, 3, *size).clamp(-1, 1)
    with torch.no_grad():
        out = model.encode(picture)
        z = out.latent_dist.mean if hasattr(out, "latent_dist") else out.latents
        # Half way between entries of the codebook a rounding error would decide.
        decoded = model.decode(z).sample
    save_component(model, GOLDEN / name)
    save_io(GOLDEN / name, picture=picture, latents=z * model.config.scaling_factor, decoded=decoded)


def unet(name, size, heads=None, seed=6, **config):
    """heads: their number at every level, as CompVis' configs fix it and diffusers' cannot."""
    model = randomize(UNet2DModel(norm_num_groups=4, **config), seed, gain=1.2)
    if heads:
        for module in model.modules():
            if type(module).__name__ == "Attention":
                module.heads = heads
    latents, timesteps = draw(2, model.config.in_channels, *size), (999.0, 21.0)
    with torch.no_grad():
        outputs = {f"output.{i}": model(latents, torch.tensor(t)).sample for i, t in enumerate(timesteps)}
    save_component(model, GOLDEN / name)
    if heads:
        path = GOLDEN / name / "config.json"
        write_json(path, json.loads(path.read_text()) | dict(num_attention_heads=heads))
    save_io(GOLDEN / name, latents=latents, timesteps=torch.tensor(timesteps), **outputs)


def bert():
    model = randomize(LDMBertModel(LDMBertConfig(
        vocab_size=60, max_position_embeddings=12, encoder_layers=2, encoder_ffn_dim=40, encoder_attention_heads=2, head_dim=8,
        d_model=24)), 8)
    ids = torch.randint(0, 60, (1, 12), generator=torch.Generator().manual_seed(8))
    with torch.no_grad():
        out = model(ids)[0]
    save_component(model, GOLDEN / "bert")
    save_io(GOLDEN / "bert", ids=ids.int(), last=out)


def wordpiece():
    folder = fresh(GOLDEN / "wordpiece")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "apple", "on", "the", "table", "paint", "##ing", "##s",
             "##er", "cafe", ",", ".", "!", "-", "'", "s", "un", "##want", "##ed", "日", "本", "5", "##0", "straße", "strasse",
             "x", "##y", "##z", "…", "“", "i", "##̇"]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    write_json(folder / "tokenizer_config.json", dict(do_lower_case=True, tokenizer_class="BertTokenizer"))
    tokenizer = BertTokenizer(str(folder / "vocab.txt"), do_lower_case=True)
    texts = ["a red apple on the table", "Paintings, painter's CAFÉ!", "  unwanted\tred\nxyz  ", "日本 a日b", "50 apples - table.",
             "Straße “red”…", "", "a\u0000b\u200d red\u00a0apple", "İ red", "x" * 101 + " red", "apple " * 40,
             "a red apple\u3000on\u2028the table"]
    rows = [dict(text=t, ids=tokenizer(t, padding="max_length", max_length=20, truncation=True)["input_ids"]) for t in texts]
    write_json(folder / "cases.json", rows)


def main():
    fresh(GOLDEN)
    down, attends = "DownEncoderBlock2D", "AttnDownEncoderBlock2D"
    up, attends_up = "UpDecoderBlock2D", "AttnUpDecoderBlock2D"
    shape = dict(norm_num_groups=4, layers_per_block=1)
    autoencoder("kl-attends", AutoencoderKL, (16, 24), block_out_channels=(8, 12), down_block_types=(down, attends),
                up_block_types=(attends_up, up), latent_channels=4, **shape)
    autoencoder("vq-f4", VQModel, (16, 24), block_out_channels=(8, 8, 12), down_block_types=[down] * 3, up_block_types=[up] * 3,
                latent_channels=3, num_vq_embeddings=64, vq_embed_dim=3, scaling_factor=0.5, **shape)
    autoencoder("vq-f8", VQModel, (16, 16), block_out_channels=(8, 8, 8, 12), down_block_types=[down] * 3 + [attends],
                up_block_types=[attends_up] + [up] * 3, latent_channels=4, num_vq_embeddings=100, vq_embed_dim=6,
                mid_block_add_attention=False, **shape)
    autoencoder("tiny", AutoencoderTiny, (32, 16), encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4,
                num_encoder_blocks=(1, 2, 1, 2), num_decoder_blocks=(2, 1, 2, 1), scaling_factor=0.9, shift_factor=0.0)
    plain = dict(block_out_channels=(8, 16, 16), layers_per_block=1)
    attn, attn_up = ["AttnDownBlock2D"], ["AttnUpBlock2D"]
    unet("plain", (12, 16), down_block_types=["DownBlock2D"] + attn * 2, up_block_types=attn_up * 2 + ["UpBlock2D"],
         attention_head_dim=4, **plain)
    unet("plain-resnets", (8, 16), in_channels=7, heads=2, attention_head_dim=8, downsample_type="resnet", upsample_type="resnet",
         down_block_types=["ResnetDownsampleBlock2D"] + attn * 2, up_block_types=attn_up * 2 + ["ResnetUpsampleBlock2D"], **plain)
    unet("plain-one-head", (8, 8), in_channels=6, down_block_types=["DownBlock2D"] * 2 + attn, attention_head_dim=None,
         up_block_types=attn_up + ["UpBlock2D"] * 2, add_attention=False, **plain)
    resnets = dict(downsample_type="resnet", upsample_type="resnet", resnet_time_scale_shift="scale_shift")
    unet("plain-scales", (8, 16), in_channels=4, out_channels=4, heads=2, attention_head_dim=8, attn_norm_num_groups=8,
         down_block_types=attn * 2 + ["ResnetDownsampleBlock2D"], up_block_types=["ResnetUpsampleBlock2D"] + attn_up * 2,
         **resnets, **plain)
    unet("plain-scales-convolutions", (8, 8), down_block_types=["DownBlock2D"] * 2 + attn, attention_head_dim=8,
         up_block_types=attn_up + ["UpBlock2D"] * 2, resnet_time_scale_shift="scale_shift", **plain)
    unet("plain-padding-0", (8, 8), down_block_types=["DownBlock2D"] * 2 + attn, attention_head_dim=8, downsample_padding=0,
         up_block_types=attn_up + ["UpBlock2D"] * 2, **plain)
    bert()
    wordpiece()


if __name__ == "__main__":
    main()
