extension SchedulerConfig {
  /// What the config asks of the sampler of its own class that this one does not do; nil: nothing. Other samplers take their
  /// own defaults.
  var isNotObeyed: String? {
    let isDPM = className?.hasPrefix("DPMSolver") ?? false
    let isUniPC = className == "UniPCMultistepScheduler"
    let hasOrder = isDPM || isUniPC || className == "DEISMultistepScheduler"
    let isEuler = className == "EulerDiscreteScheduler"
    func unless(_ isUsual: Bool, _ what: String) -> String? { isUsual ? nil : what }
    func unless<T: Equatable>(_ value: T?, _ usual: T..., in applies: Bool, _ key: String) -> String? {
      value.flatMap { unless(!applies || usual.contains($0), "\(key) \($0)") }
    }
    return [
      unless(trainedBetas == nil, "trained_betas"),
      unless(solverOrder, 2, in: hasOrder, "solver_order"),
      // The others are read as each class's own.
      unless(!(isDPM && solverType == "heun" || isUniPC && solverType == "bh1"), "solver_type \(solverType ?? "")"),
      unless(algorithmType, "dpmsolver++", "sde-dpmsolver++", in: isDPM, "algorithm_type"),
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
