enum RookeryAgentsTestsPlaceholder {}
