// A plug-in imports LDMPlugin alone: what a conditioner is comes with it.
@_exported import Diffusion
