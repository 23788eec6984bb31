"""The networks of the built-in model, in diffusers' layout, and its schedules. Each is read from its folder, or made
anew."""
from diffusers import AutoencoderKL, DDIMScheduler, DDPMScheduler, UNet2DConditionModel
from diffusers.configuration_utils import register_to_config
from diffusers.models.autoencoders.vae import Decoder
from transformers import CLIPTextConfig, CLIPTextModel
import torch
import torch.nn.functional as F

WIDTH = 256  # of the text's hidden states
TOKENS = 32  # the longest caption


def read(kind, folder, make):
    """What is saved in `folder`, in f32; else what `make` makes."""
    if (folder / "config.json").exists():
        return kind.from_pretrained(folder, torch_dtype=torch.float32)
    return make()


class PatchDecoder(Decoder):
    """Maps [N, 4, h, w] to pictures [N, 3, patch h, patch w]: the last convolution makes the pixels of a square (Shi et al.
    2016, arXiv 1609.05158), as full-size maps are what a decoder spends most of its time on."""

    def __init__(self, patch, **rest):
        super().__init__(out_channels=3 * patch ** 2, **rest)
        self.patch = patch

    def forward(self, sample, *rest):
        return F.pixel_shuffle(super().forward(sample, *rest), self.patch)


class PatchAutoencoderKL(AutoencoderKL):
    """diffusers' class with a decoder of its own levels, which may be fewer than the encoder's."""

    ignore_for_config = ["in_channels", "out_channels", "act_fn", "shift_factor", "latents_mean", "latents_std", "force_upcast",
                         "use_quant_conv", "use_post_quant_conv"]  # As AutoencoderKL has them.

    @register_to_config
    def __init__(self, block_out_channels=(32, 64, 128), down_block_types=("DownEncoderBlock2D",) * 3,
                 layers_per_block=1, decoder_block_out_channels=(112,), up_block_types=("UpDecoderBlock2D",),
                 decoder_layers_per_block=3, latent_channels=4, norm_num_groups=16, sample_size=128,
                 mid_block_add_attention=False, scaling_factor=1.0):
        shared = dict(norm_num_groups=norm_num_groups, mid_block_add_attention=mid_block_add_attention)
        super().__init__(block_out_channels=block_out_channels, down_block_types=down_block_types,
                         up_block_types=up_block_types, layers_per_block=layers_per_block, sample_size=sample_size,
                         latent_channels=latent_channels, scaling_factor=scaling_factor, **shared)
        self.decoder = PatchDecoder(
            2 ** (len(block_out_channels) - len(decoder_block_out_channels)), in_channels=latent_channels,
            up_block_types=up_block_types, block_out_channels=decoder_block_out_channels,
            layers_per_block=decoder_layers_per_block, **shared)


def autoencoder(folder):
    """Pictures [N, 3, H, W] to latents [N, 4, H/4, W/4] and back."""
    return read(PatchAutoencoderKL, folder, PatchAutoencoderKL)


def with_new_decoder(model):
    """The encoder of this autoencoder, and a decoder of the present shape that has learned nothing."""
    new = PatchAutoencoderKL()
    for part in ("encoder", "quant_conv"):
        new.get_submodule(part).load_state_dict(model.get_submodule(part).state_dict())
    return new


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
