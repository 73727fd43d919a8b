enum RookeryHostTestsPlaceholder {}
