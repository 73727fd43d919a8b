enum RookeryServerTestsPlaceholder {}
