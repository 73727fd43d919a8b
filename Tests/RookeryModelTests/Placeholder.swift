enum RookeryModelTestsPlaceholder {}
