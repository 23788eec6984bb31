extension SchedulerConfig {
  /// - Throws: `SamplerError.foreign` for the config of a model that was trained with noise of another kind.
  func refuseForeignNoise() throws(SamplerError) {
    guard let className, className.hasPrefix("EDM") || className.hasPrefix("FlowMatch") else { return }
    throw .foreign(scheduler: className, instead: "its noise is of another kind: choose another model")
  }

  /// What the config asks of the sampler of its own class that this one does not do; nil: nothing. A sampler that is asked
  /// for by name takes its own defaults.
  var unobeyedPart: String? {
    let isDPM = className?.hasPrefix("DPMSolver") ?? false
    let isUniPC = className == "UniPCMultistepScheduler"
    let hasOrder = isDPM || isUniPC || className == "DEISMultistepScheduler"
    let isEuler = className == "EulerDiscreteScheduler"
    func unless(_ isUsual: Bool, _ what: String) -> String? { isUsual ? nil : what }
    func unless<T: Equatable>(_ value: T?, _ usual: T..., in applies: Bool, _ key: String) -> String? {
      value.flatMap { unless(!applies || usual.contains($0), "\(key) \($0)") }
    }
    return [
      unless(solverOrder, 2, in: hasOrder, "solver_order"),
      // The others, as other classes leave them, are read as each class's own.
      unless(!(isDPM && solverType == "heun" || isUniPC && solverType == "bh1"), "solver_type \(solverType ?? "")"),
      unless(algorithmType, "dpmsolver++", "sde-dpmsolver++", "deis", in: isDPM, "algorithm_type"),
      unless(useLuLambdas, false, in: hasOrder, "use_lu_lambdas"),
      unless(!isDPM || lambdaMinClipped == nil, "lambda_min_clipped"),
      unless(predictX0, true, in: isUniPC, "predict_x0"),
      unless(lowerOrderFinal, true, in: hasOrder && !isDPM, "lower_order_final"),
      unless(varianceType, "fixed_small", in: className == "DDPMScheduler", "variance_type"),
      unless(interpolationType, "linear", in: isEuler, "interpolation_type"),
      unless(timestepType, "discrete", in: isEuler, "timestep_type"),
      unless(!isEuler || sigmaMin == nil && sigmaMax == nil, "sigma_min and sigma_max"),
    ].lazy.compactMap { $0 }.first
  }
}
