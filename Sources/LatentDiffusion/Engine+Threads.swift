import CKernels

extension Engine {
  /// The size of the kernels' thread team.
  public static var threads: Int { Int(ldm_threads()) }

  /// Sets it, for teams that are made from then on: each thread that runs kernels has its own.
  public static func setThreads(_ count: Int) { ldm_set_threads(Int32(count)) }
}
