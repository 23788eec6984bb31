// A conditioner imports Diffusion alone: what a tensor and a picture are comes with it.
@_exported import Images
@_exported import Tensors
