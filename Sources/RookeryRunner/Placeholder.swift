enum RookeryRunnerPlaceholder {}
