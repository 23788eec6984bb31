import ArgumentParser
import Foundation

Signals.install()
let arguments = Arguments.ofProcess()
do {
  var command = try LDM.parseAsRoot(arguments)
  try command.run()
} catch {
  Ending.end(with: error, arguments)
}
