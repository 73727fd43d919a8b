enum RookeryConfigurationTestsPlaceholder {}
