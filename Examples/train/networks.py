"""The networks of the built-in model, in diffusers' layout, and its schedules. Each is read from its folder, or made
anew."""
from diffusers import AutoencoderKL, DDIMScheduler, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel
import torch

WIDTH = 256  # of the text's hidden states
TOKENS = 32  # the longest caption


def read(kind, folder, make):
    """What is saved in `folder`, in f32; else what `make` makes."""
    if (folder / "config.json").exists():
        return kind.from_pretrained(folder, torch_dtype=torch.float32)
    return make()


def autoencoder(folder):
    """Pictures [N, 3, H, W] to latents [N, 4, H/4, W/4] and back."""
    return read(AutoencoderKL, folder, lambda: AutoencoderKL(
        block_out_channels=(32, 64, 128), down_block_types=["DownEncoderBlock2D"] * 3,
        up_block_types=["UpDecoderBlock2D"] * 3, layers_per_block=1, latent_channels=4, norm_num_groups=16,
        sample_size=128, mid_block_add_attention=False, scaling_factor=1.0))


def base(folder):
    """4 channels of noised latents, 1 of the mask, 4 of the masked picture's latents; 15.3 M parameters."""
    return read(UNet2DConditionModel, folder, lambda: UNet2DConditionModel(
        sample_size=32, in_channels=9, out_channels=4, block_out_channels=(64, 160, 224), layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=WIDTH,
        attention_head_dim=[2, 5, 7], norm_num_groups=32, use_linear_projection=True))


def text_encoder(folder, vocabulary):
    """CLIP's shape, trained with the base network; 4.3 M parameters."""
    return read(CLIPTextModel, folder, lambda: CLIPTextModel(CLIPTextConfig(
        vocab_size=vocabulary, hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=4, num_attention_heads=4,
        max_position_embeddings=TOKENS, hidden_act="quick_gelu", bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1, pad_token_id=vocabulary - 1, projection_dim=WIDTH)))


def upscaler(folder):
    """4 channels of noised latents, 3 of the small picture; its noise level is a class. 6.2 M parameters."""
    return read(UNet2DConditionModel, folder, lambda: UNet2DConditionModel(
        sample_size=128, in_channels=7, out_channels=4, block_out_channels=(64, 128, 192), layers_per_block=1,
        down_block_types=("DownBlock2D",) * 3, up_block_types=("UpBlock2D",) * 3, mid_block_type="UNetMidBlock2D",
        num_class_embeds=1000, norm_num_groups=32))


def schedule():
    """Zero signal at the last step (Lin et al. 2023, arXiv 2305.08891), which needs v as the target."""
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
        rescale_betas_zero_snr=True, timestep_spacing="trailing", clip_sample=False, set_alpha_to_one=False)


def low_resolution_schedule():
    """Of the noise that the small picture gets (Ho et al. 2021, arXiv 2106.15282)."""
    return DDPMScheduler(beta_start=0.0001, beta_end=0.02, beta_schedule="squaredcos_cap_v2")
