import ArgumentParser
import Foundation

Signals.install()
do {
  var command = try LDM.parseAsRoot(Arguments.ofProcess())
  try command.run()
} catch {
  Ending.end(with: error)
}
