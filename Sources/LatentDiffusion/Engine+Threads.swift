import CKernels

extension Engine {
  /// The size of the kernels' thread team.
  public static var threads: Int { Int(ldm_threads()) }

  /// Sets it, for the whole process; before the first task is loaded.
  public static func setThreads(_ count: Int) { ldm_set_threads(Int32(count)) }
}
