enum RookeryCommandsTestsPlaceholder {}
