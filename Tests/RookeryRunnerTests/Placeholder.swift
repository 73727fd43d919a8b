enum RookeryRunnerTestsPlaceholder {}
