/// The samplers by name: what `--sampler` takes and `ldm samplers` lists.
public struct NamedSampler: Sendable {
  public let name: String
  /// Where it is described.
  public let paper: String
  private let build: @Sendable (SamplerSetup) throws(SamplerError) -> any Sampler

  init(_ name: String, _ paper: String, _ build: @escaping @Sendable (SamplerSetup) throws(SamplerError) -> any Sampler)
  {
    self.name = name
    self.paper = paper
    self.build = build
  }

  /// The sampler for a model's config under a user's options.
  public func make(_ config: SchedulerConfig, _ options: SamplerOptions = .init()) throws(SamplerError) -> any Sampler {
    try make(NoiseSchedule(config), config, options)
  }

  /// The same with a noise schedule that was made already.
  public func make(
    _ noise: NoiseSchedule, _ config: SchedulerConfig, _ options: SamplerOptions = .init()
  ) throws(SamplerError) -> any Sampler {
    try build(SamplerSetup(name, noise, config, options))
  }
}

public enum Samplers {
  public static let all: [NamedSampler] = [
    NamedSampler("ddim", "Song et al. 2021, arXiv:2010.02502") { s throws(SamplerError) in try DDIM(s) },
    NamedSampler("ddpm", "Ho et al. 2020, arXiv:2006.11239") { s throws(SamplerError) in try DDPM(s) },
    NamedSampler("pndm", "Liu et al. 2022, arXiv:2202.09778") { s throws(SamplerError) in
      try PNDM(s, repeatsAfterCut: false)
    },
    NamedSampler("plms", "Liu et al. 2022, arXiv:2202.09778") { s throws(SamplerError) in
      try PNDM(s, repeatsAfterCut: true)
    },
    NamedSampler("euler", "Karras et al. 2022, arXiv:2206.00364") { s throws(SamplerError) in try Euler(s) },
    NamedSampler("euler-a", "Song et al. 2021, arXiv:2011.13456") { s throws(SamplerError) in try EulerAncestral(s) },
    NamedSampler("heun", "Karras et al. 2022, arXiv:2206.00364") { s throws(SamplerError) in try Heun(s) },
    NamedSampler("dpm2", "Lu et al. 2022, arXiv:2206.00927") { s throws(SamplerError) in try DPM2(s) },
    NamedSampler("dpm2-a", "Lu et al. 2022, arXiv:2206.00927") { s throws(SamplerError) in try DPM2Ancestral(s) },
    NamedSampler("lms", "Crowson 2022, k-diffusion") { s throws(SamplerError) in try LMS(s) },
    NamedSampler("dpm++2m", "Lu et al. 2022, arXiv:2211.01095") { s throws(SamplerError) in try DPMSolver2M(s) },
    NamedSampler("dpm++2m-sde", "Lu et al. 2022, arXiv:2211.01095") { s throws(SamplerError) in
      try DPMSolver2MSDE(s)
    },
    NamedSampler("dpm++3m-sde", "Lu et al. 2022, arXiv:2211.01095; Crowson 2022, k-diffusion") {
      s throws(SamplerError) in try DPMSolver3MSDE(s)
    },
    NamedSampler("dpm++sde", "Lu et al. 2022, arXiv:2211.01095") { s throws(SamplerError) in
      let isReference = s.config.className == "DPMSolverSinglestepScheduler"
      return try DPMSolverSinglestep(s, stochastic: !isReference || s.config.algorithmType == "sde-dpmsolver++")
    },
    NamedSampler("unipc", "Zhao et al. 2023, arXiv:2302.04867") { s throws(SamplerError) in try UniPC(s) },
    NamedSampler("deis", "Zhang & Chen 2022, arXiv:2204.13902") { s throws(SamplerError) in try DEIS(s) },
    NamedSampler("lcm", "Luo et al. 2023, arXiv:2310.04378") { s throws(SamplerError) in try LCM(s) },
    NamedSampler("tcd", "Zheng et al. 2024, arXiv:2402.19159") { s throws(SamplerError) in try TCD(s) },
  ]

  public static func named(_ name: String) throws(SamplerError) -> NamedSampler {
    guard let sampler = all.first(where: { $0.name == name }) else {
      throw .unknown(name: name, known: all.map(\.name))
    }
    return sampler
  }

  /// The sampler that a model's config means; `ddim` where it names none.
  ///
  /// - Throws: `SamplerError.foreign` for a class that is not here; `.unsupported` where it is to do what it cannot here.
  public static func own(of config: SchedulerConfig) throws(SamplerError) -> NamedSampler {
    try config.refuseForeignNoise()
    if let sampler = named(byClass: config) {
      guard let what = config.unobeyedPart else { return sampler }
      throw .unsupported(
        sampler: sampler.name, what: "\(what), which the model's scheduler asks for",
        instead: "choose a sampler, this by name or another")
    }
    guard let name = config.className else { return try named("ddim") }
    throw .foreign(scheduler: name, instead: "choose a sampler")
  }

  /// The sampler that a config's `_class_name` means; nil for classes that are not here.
  public static func named(byClass config: SchedulerConfig) -> NamedSampler? {
    let name: String? =
      switch config.className {
      case "DDIMScheduler": "ddim"
      case "DDPMScheduler": "ddpm"
      case "PNDMScheduler": "pndm"
      case "EulerDiscreteScheduler": "euler"
      case "EulerAncestralDiscreteScheduler": "euler-a"
      case "HeunDiscreteScheduler": "heun"
      case "KDPM2DiscreteScheduler": "dpm2"
      case "KDPM2AncestralDiscreteScheduler": "dpm2-a"
      case "LMSDiscreteScheduler": "lms"
      case "DPMSolverMultistepScheduler": config.algorithmType == "sde-dpmsolver++" ? "dpm++2m-sde" : "dpm++2m"
      case "DPMSolverSinglestepScheduler": "dpm++sde"
      case "UniPCMultistepScheduler": "unipc"
      case "DEISMultistepScheduler": "deis"
      case "LCMScheduler": "lcm"
      case "TCDScheduler": "tcd"
      default: nil
      }
    return name.flatMap { name in all.first { $0.name == name } }
  }
}
