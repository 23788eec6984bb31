// Damaged bytes through every parser of foreign files, in one process: ldm-fuzz TESTS COUNT [SEED [FIRST]]
//
// TESTS is the folder Tests of this package, COUNT how many inputs, FIRST the first one's number. A crash, or an input that
// takes ten seconds of processor time, ends the process and tells the number: "ldm-fuzz Tests 1 SEED NUMBER" has it again.
// Build it with LDM_FUZZ=1 in the environment, and --sanitize=address where there is one (see fuzz.sh).
import Foundation

/// The input in work, where a signal's handler can see it.
nonisolated(unsafe) var current = 0

/// Runs in a signal's handler: nothing here allocates.
func complain(_ what: StaticString) {
  write(2, what.utf8Start, what.utf8CodeUnitCount)
  var unit = 1
  while current / unit >= 10 { unit *= 10 }
  while unit > 0 {
    var digit = UInt8(48 + current / unit % 10)
    write(2, &digit, 1)
    unit /= 10
  }
  write(2, "\n", 1)
}

for number in [SIGILL, SIGTRAP, SIGABRT] {
  signal(number) { number in
    complain("crashed at input ")
    signal(number, SIG_DFL)
    raise(number)
  }
}
signal(SIGVTALRM) { _ in
  complain("hangs at input ")
  _exit(1)
}

let arguments = CommandLine.arguments
guard arguments.count >= 3, let count = Int(arguments[2]) else {
  print("usage: ldm-fuzz TESTS COUNT [SEED [FIRST]]")
  exit(64)
}
let seed = arguments.count > 3 ? UInt64(arguments[3]) ?? 1 : 1
let first = arguments.count > 4 ? Int(arguments[4]) ?? 0 : 0
let targets = try Target.all(URL(fileURLWithPath: arguments[1]))
// Pictures have four formats, and most code.
let turns = [0, 0, 0, 0, 1, 2, 3, 4, 4, 4]
var counts = [[Int]](repeating: [0, 0], count: targets.count)

func peak() -> Int {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return usage.ru_maxrss >> 10
}

for number in first..<(first + count) {
  current = number
  var timer = itimerval(it_interval: timeval(), it_value: timeval(tv_sec: 10, tv_usec: 0))
  setitimer(__itimer_which_t(ITIMER_VIRTUAL.rawValue), &timer, nil)
  var random = Generator(seed: seed, input: number)
  let index = turns[number % turns.count]
  let kind = targets[index].sound.randomElement(using: &random)!
  let (data, other) = (kind.randomElement(using: &random)!, kind.randomElement(using: &random)!)
  var input = Mutator.damaged(data, with: other, &random)
  if input.starts(with: [0x89, 0x50, 0x4e, 0x47]), Bool.random(using: &random) { input = Mutator.checksummed(input) }
  counts[index][targets[index].parse(input) == .accepted ? 0 : 1] += 1
  if (number - first) % max(count / 10, 1) == 0 { print("input \(number), at most \(peak()) MiB so far") }
}
for (target, counts) in zip(targets, counts) { print("\(target.name): \(counts[0]) accepted, \(counts[1]) refused") }
print("\(count) inputs without crash or hang; at most \(peak()) MiB")
