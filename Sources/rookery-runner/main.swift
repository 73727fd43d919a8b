import Glibc
import RookeryRunner

exit(RunnerCommand.run(CommandLine.arguments.dropFirst()))
