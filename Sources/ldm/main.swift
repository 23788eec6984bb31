import ArgumentParser
import Foundation

Streams.holdStandard()
Signals.install()
let arguments = Arguments.ofProcess()
do {
  var command = try LDM.parseAsRoot(arguments)
  try command.run()
} catch {
  Ending.end(with: error, arguments)
}
