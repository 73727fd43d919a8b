enum RookeryRunnerClientPlaceholder {}
