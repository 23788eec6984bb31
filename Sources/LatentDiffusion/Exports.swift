@_exported import Depth
@_exported import Diffusion
@_exported import ImageToImage
@_exported import Inpainting
@_exported import Layers
@_exported import Models
@_exported import SuperResolution
@_exported import TextToImage
