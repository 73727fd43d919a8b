enum RookerySessionsTestsPlaceholder {}
