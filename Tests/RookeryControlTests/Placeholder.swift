enum RookeryControlTestsPlaceholder {}
